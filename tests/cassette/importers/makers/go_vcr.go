// Records with go-vcr: `go run go_vcr.go FILE` (without its ending), the server on 8899.
package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/dnaeon/go-vcr/recorder"
)

func main() {
	tape, err := recorder.New(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: tape}
	ask := func(method, path, kind, body string) {
		request, _ := http.NewRequest(method, "http://127.0.0.1:8899"+path, bytes.NewReader([]byte(body)))
		request.Header.Set("Authorization", "Bearer planted-q7Zr2Wm9Xt4Kc8Vb")
		if kind != "" {
			request.Header.Set("Content-Type", kind)
		}
		answer, err := client.Do(request)
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	ask("POST", "/v1/chat/completions", "application/json", `{"model":"m","messages":[{"role":"user","content":"Zürich?"}]}`)
	ask("POST", "/v1/chat/completions", "application/json", `{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}`)
	ask("POST", "/gzip", "application/json", `{"a":1.10}`)
	ask("POST", "/binary", "application/octet-stream", "a\x00\xff")
	ask("POST", "/limited", "application/x-www-form-urlencoded", "a=1&b=2")
	ask("GET", "/text?x=1&x=2", "", "")
	if err := tape.Stop(); err != nil {
		log.Fatal(err)
	}
}
