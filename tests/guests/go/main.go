// A small guest of the Go SDK. What matters about it is less what it does than what it is: a program
// of another compiler, with other imports and another idea of start-up than a Rust guest has.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/fastly/compute-sdk-go/configstore"
	"github.com/fastly/compute-sdk-go/fsthttp"
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
		case "/config":
			config(w)
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
