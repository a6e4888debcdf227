// A small guest of the Go SDK. What matters about it is less what it does than what it is: a program
// of another compiler, with other imports and another idea of start-up than a Rust guest has.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/fastly/compute-sdk-go/acl"
	"github.com/fastly/compute-sdk-go/configstore"
	"github.com/fastly/compute-sdk-go/device"
	"github.com/fastly/compute-sdk-go/edgedict"
	"github.com/fastly/compute-sdk-go/erl"
	"github.com/fastly/compute-sdk-go/fsthttp"
	"github.com/fastly/compute-sdk-go/fsthttp/imageopto"
	"github.com/fastly/compute-sdk-go/geo"
	"github.com/fastly/compute-sdk-go/kvstore"
	"github.com/fastly/compute-sdk-go/secretstore"
)

func main() {
	fsthttp.ServeFunc(func(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
		switch r.URL.Path {
		case "/hello":
			fmt.Fprint(w, "Hello from Go\n")
		case "/echo":
			w.Header().Set("x-method", r.Method)
			if _, err := io.Copy(w, r.Body); err != nil {
				// The head is on its way, so that all that is left is to say it to the log.
				fmt.Println(err)
			}
		case "/proxy":
			proxy(ctx, w, r)
		case "/hooks":
			told(w, func() (string, error) { return hooks(ctx) })
		case "/config":
			config(w)
		case "/dictionary":
			told(w, dictionary)
		case "/kv":
			told(w, kv)
		case "/kv-refusals":
			told(w, kvRefusals)
		case "/image":
			told(w, func() (string, error) { return image(ctx) })
		case "/secret":
			told(w, secret)
		case "/acl":
			told(w, networks)
		case "/rates":
			told(w, rates)
		case "/geo":
			told(w, places)
		case "/device":
			told(w, devices)
		case "/simple-cache":
			told(w, simpleCache)
		case "/core-cache":
			told(w, coreCache)
		default:
			w.WriteHeader(fsthttp.StatusNotFound)
			fmt.Fprint(w, "no such route\n")
		}
	})
}

// proxy sends the client's method and body to the path /echo of the backend origin, and answers with
// the response.
func proxy(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {
	request, err := fsthttp.NewRequest(r.Method, "http://origin/echo", r.Body)
	if err != nil {
		fail(w, fsthttp.StatusInternalServerError, err)
		return
	}
	response, err := request.Send(ctx, "origin")
	if err != nil {
		fail(w, fsthttp.StatusBadGateway, err)
		return
	}
	w.Header().Reset(response.Header)
	w.WriteHeader(response.StatusCode)
	if _, err := io.Copy(w, response.Body); err != nil {
		fmt.Println(err)
	}
}

// hooks gives random bytes of the backend, which the hooks put between brackets before they are stored: the text, what a
// hook has added to the response, whether it was cached, and how often each hook has run.
func hooks(ctx context.Context) (string, error) {
	before, after := 0, 0
	request, err := fsthttp.NewRequest(fsthttp.MethodGet, "http://origin/random", nil)
	if err != nil {
		return "", err
	}
	request.CacheOptions.BeforeSend = func(request *fsthttp.Request) error {
		before++
		request.Header.Set("x-before", "1")
		return nil
	}
	request.CacheOptions.AfterSend = func(response *fsthttp.CandidateResponse) error {
		after++
		response.SetTTL(60)
		response.SetCacheable()
		response.SetBodyTransform(inBrackets)
		return response.SetHeader("x-after", "stored")
	}
	response, err := request.Send(ctx, "origin")
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	header := response.Header
	return fmt.Sprintf("%s %s %s %d %d", text, header.Get("x-after"), header.Get("x-cache"), before, after), nil
}

func inBrackets(body io.ReadCloser) io.ReadCloser {
	text, err := io.ReadAll(body)
	if err != nil {
		fmt.Println(err)
	}
	return io.NopCloser(strings.NewReader("[" + strings.TrimSpace(string(text)) + "]"))
}

// config answers with the value of one key of the config store strings.
func config(w fsthttp.ResponseWriter) {
	store, err := configstore.Open("strings")
	if err != nil {
		fail(w, fsthttp.StatusNotFound, err)
		return
	}
	greeting, err := store.Get("greeting")
	if err != nil {
		fail(w, fsthttp.StatusNotFound, err)
		return
	}
	fmt.Fprint(w, greeting)
}

func fail(w fsthttp.ResponseWriter, status int, err error) {
	w.WriteHeader(status)
	fmt.Fprintln(w, err)
}

// told answers with what a function comes to, or with the error that it ends with.
func told(w fsthttp.ResponseWriter, respond func() (string, error)) {
	text, err := respond()
	if err != nil {
		fail(w, fsthttp.StatusInternalServerError, err)
		return
	}
	fmt.Fprint(w, text)
}

// kv writes to the KV store kv, reads, lists and removes.
func kv() (string, error) {
	store, err := kvstore.Open("kv")
	if err != nil {
		return "", err
	}
	about := &kvstore.InsertConfig{Metadata: []byte("about one")}
	if err := store.InsertWithConfig("go/one", strings.NewReader("first"), about); err != nil {
		return "", err
	}
	living := &kvstore.InsertConfig{TTLSec: 3600}
	if err := store.InsertWithConfig("go/two", strings.NewReader("second"), living); err != nil {
		return "", err
	}
	behind := &kvstore.InsertConfig{Mode: kvstore.InsertModeAppend}
	if err := store.InsertWithConfig("go/two", strings.NewReader("!"), behind); err != nil {
		return "", err
	}
	one, err := store.Lookup("go/one")
	if err != nil {
		return "", err
	}
	two, err := store.Lookup("go/two")
	if err != nil {
		return "", err
	}
	matching := &kvstore.InsertConfig{IfGenerationMatch: one.Generation() + 1}
	err = store.InsertWithConfig("go/one", strings.NewReader("x"), matching)
	if !errors.Is(err, kvstore.ErrPreconditionFailed) {
		return "", fmt.Errorf("another generation: %v", err)
	}
	found := []string{one.String(), string(one.Meta()), two.String()}
	pages := store.List(&kvstore.ListConfig{Prefix: "go/", Limit: 1})
	for pages.Next() {
		found = append(found, pages.Page().Data...)
	}
	if pages.Err() != nil {
		return "", pages.Err()
	}
	for _, key := range []string{"go/one", "go/two"} {
		if err := store.Delete(key); err != nil {
			return "", err
		}
	}
	if _, err := store.Lookup("go/one"); !errors.Is(err, kvstore.ErrKeyNotFound) {
		return "", fmt.Errorf("a key that was removed: %v", err)
	}
	return strings.Join(found, " "), nil
}

// kvRefusals asks for what the KV store kv refuses: to add what is there, another generation, a key that is none, and
// to remove what is not there. It prepends in between, and tells what there is.
func kvRefusals() (string, error) {
	store, err := kvstore.Open("kv")
	if err != nil {
		return "", err
	}
	insert := func(key, value string, config kvstore.InsertConfig) error {
		return store.InsertWithConfig(key, strings.NewReader(value), &config)
	}
	if err := insert("go/refused", "b", kvstore.InsertConfig{Mode: kvstore.InsertModeAdd}); err != nil {
		return "", err
	}
	err = insert("go/refused", "x", kvstore.InsertConfig{Mode: kvstore.InsertModeAdd})
	if !errors.Is(err, kvstore.ErrPreconditionFailed) {
		return "", fmt.Errorf("what is there was added: %v", err)
	}
	if err := insert("go/a;b", "x", kvstore.InsertConfig{}); !errors.Is(err, kvstore.ErrInvalidKey) && !errors.Is(err, kvstore.ErrBadRequest) {
		return "", fmt.Errorf("a key that is none: %v", err)
	}
	if err := insert("go/refused", "a", kvstore.InsertConfig{Mode: kvstore.InsertModePrepend, BackgroundFetch: true}); err != nil {
		return "", err
	}
	entry, err := store.Lookup("go/refused")
	if err != nil {
		return "", err
	}
	if err := insert("go/refused", "ab", kvstore.InsertConfig{IfGenerationMatch: entry.Generation()}); err != nil {
		return "", fmt.Errorf("the same generation: %w", err)
	}
	if err := store.Delete("go/refused"); err != nil {
		return "", err
	}
	if err := store.Delete("go/refused"); !errors.Is(err, kvstore.ErrKeyNotFound) {
		return "", fmt.Errorf("what is not there was removed: %v", err)
	}
	return entry.String(), nil
}

// image tells of an image of the backend images at half its size, and of what the image optimizer cannot do.
func image(ctx context.Context) (string, error) {
	ask := func(options imageopto.Options) (*fsthttp.Response, string, error) {
		request, err := fsthttp.NewRequest("GET", "http://images/image.png", nil)
		if err != nil {
			return nil, "", err
		}
		options.Region = imageopto.RegionEuCentral
		request.ImageOptimizerOptions = &options
		response, err := request.Send(ctx, "images")
		if err != nil {
			return nil, "", err
		}
		body, err := io.ReadAll(response.Body)
		return response, string(body), err
	}
	half, body, err := ask(imageopto.Options{Width: "50p", Format: imageopto.FormatWebP, Quality: 40})
	if err != nil {
		return "", err
	}
	refused, why, err := ask(imageopto.Options{Format: imageopto.FormatJPEGXL})
	if err != nil {
		return "", err
	}
	size := fmt.Sprintf("ofsz=%d odim=4x2", len(body))
	return fmt.Sprintf("%s %t %d %t", half.Header.Get("content-type"),
		strings.Contains(half.Header.Get("fastly-io-info"), size),
		refused.StatusCode, strings.Contains(why, "`format`")), nil
}

// dictionary gives values of the dictionary strings, which is the config store of that name.
func dictionary() (string, error) {
	strings, err := edgedict.Open("strings")
	if err != nil {
		return "", err
	}
	greeting, err := strings.Get("greeting")
	if err != nil {
		return "", err
	}
	has, err := strings.Has("missing")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %t", greeting, has), nil
}

// secret gives a secret of the store secrets, and one of the guest's own.
func secret() (string, error) {
	password, err := secretstore.Plaintext("secrets", "password")
	if err != nil {
		return "", err
	}
	if _, err := secretstore.Plaintext("secrets", "missing"); err == nil {
		return "", errors.New("a secret that is not there was found")
	}
	own, err := secretstore.SecretFromBytes([]byte("own"))
	if err != nil {
		return "", err
	}
	plain, err := own.Plaintext()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s", password, plain), nil
}

// networks gives what the list networks says about two addresses.
func networks() (string, error) {
	list, err := acl.Open("networks")
	if err != nil {
		return "", err
	}
	entry, err := list.Lookup(net.ParseIP("10.1.2.3"))
	if err != nil {
		return "", err
	}
	if _, err := list.Lookup(net.ParseIP("2001:db8::1")); !errors.Is(err, acl.ErrNoContent) {
		return "", fmt.Errorf("an address that is in no network: %v", err)
	}
	return fmt.Sprintf("%s %s", entry.Action, entry.Prefix), nil
}

// places tells where two addresses are.
func places() (string, error) {
	known, err := geo.Lookup(net.ParseIP("10.1.2.3"))
	if err != nil {
		return "", err
	}
	loopback, err := geo.Lookup(net.ParseIP("::1"))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s %d %s", known.City, known.CountryCode3, known.AsNumber, loopback.City), nil
}

// devices tells what is known about a device, and asks for one that is not known.
func devices() (string, error) {
	known, err := device.Lookup("Example/1.0")
	if err != nil {
		return "", err
	}
	if _, err := device.Lookup("Other/1.0"); !errors.Is(err, device.ErrDeviceNotFound) {
		return "", fmt.Errorf("a device that is not known: %v", err)
	}
	return fmt.Sprintf("%s %t", known.Brand(), known.IsMobile()), nil
}

// rates counts events, and puts who makes too many into a penalty box.
func rates() (string, error) {
	counter := erl.OpenRateCounter("go")
	if err := counter.Increment("entry", 30); err != nil {
		return "", err
	}
	box := erl.OpenPenaltyBox("go")
	before, err := box.Has("entry")
	if err != nil {
		return "", err
	}
	policy := &erl.Policy{
		RateWindow:         erl.RateWindow60s,
		MaxRate:            10,
		PenaltyBoxDuration: time.Minute,
	}
	refused, err := erl.NewRateLimiter(counter, box).CheckRate("entry", 1, policy)
	if err != nil {
		return "", err
	}
	if err := box.Add("other", time.Minute); err != nil {
		return "", err
	}
	has, err := box.Has("other")
	if err != nil {
		return "", err
	}
	count, err := counter.LookupCount("entry", erl.CounterDuration60s)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %t %t %t", count, before, refused, has), nil
}
