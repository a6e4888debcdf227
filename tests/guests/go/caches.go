package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fastly/compute-sdk-go/cache/core"
	"github.com/fastly/compute-sdk-go/cache/simple"
	"github.com/fastly/compute-sdk-go/purge"
)

// simpleCache makes a value once, gets it, and purges it.
func simpleCache() (string, error) {
	key := []byte("go/simple")
	made := 0
	set := func() (simple.CacheEntry, error) {
		made++
		return simple.CacheEntry{Body: strings.NewReader("value"), TTL: time.Minute}, nil
	}
	var found []string
	for range 2 {
		body, err := simple.GetOrSet(key, set)
		if err != nil {
			return "", err
		}
		text, err := all(body)
		if err != nil {
			return "", err
		}
		found = append(found, text)
	}
	body, err := simple.Get(key)
	if err != nil {
		return "", err
	}
	text, err := all(body)
	if err != nil {
		return "", err
	}
	if err := simple.Purge(key, simple.PurgeOptions{}); err != nil {
		return "", err
	}
	if _, err := simple.Get(key); !errors.Is(err, core.ErrNotFound) {
		return "", fmt.Errorf("a value that was purged: %v", err)
	}
	return fmt.Sprintf("%s %s %d", strings.Join(found, " "), text, made), nil
}

// coreCache inserts an object in a transaction, reads all and a part of it, updates it, and purges it.
func coreCache() (string, error) {
	key := []byte("go/core")
	if _, err := core.Lookup(key, core.LookupOptions{}); !errors.Is(err, core.ErrNotFound) {
		return "", fmt.Errorf("an object that is not there: %v", err)
	}
	transaction, err := core.NewTransaction(key, core.LookupOptions{})
	if err != nil {
		return "", err
	}
	defer transaction.Close()
	if !transaction.MustInsert() {
		return "", errors.New("nobody has to insert what is not there")
	}
	writer, written, err := transaction.InsertAndStreamBack(core.WriteOptions{
		TTL:           time.Minute,
		Length:        10,
		SurrogateKeys: []string{"go-core"},
		UserMetadata:  []byte("about it"),
	})
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(writer, "0123456789"); err != nil {
		return "", err
	}
	if err := writer.Close(); err != nil {
		return "", err
	}
	back, err := all(written.Body)
	if err != nil {
		return "", err
	}
	found, err := core.Lookup(key, core.LookupOptions{From: 2, To: 4})
	if err != nil {
		return "", err
	}
	part, err := all(found.Body)
	if err != nil {
		return "", err
	}
	about, err := found.UserMetadata()
	if err != nil {
		return "", err
	}
	if err := purge.PurgeSurrogateKey("go-core", purge.PurgeOptions{}); err != nil {
		return "", err
	}
	if _, err := core.Lookup(key, core.LookupOptions{}); !errors.Is(err, core.ErrNotFound) {
		return "", fmt.Errorf("an object that was purged: %v", err)
	}
	return fmt.Sprintf("%s %s %s %d %t", back, part, about, found.Length, found.Usable()), nil
}

func all(body io.ReadCloser) (string, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return "", err
	}
	return string(text), body.Close()
}
