// Serves a conversion webhook for a custom resource whose fields have other names at each of its versions.
//
//	convert -cert FILE -key FILE
//
// listens on a free port of 127.0.0.1, prints the port, and ends when its standard input does. At v1 the spec is
// {"address": "HOST:PORT", "replicas": N}, at v2 {"host": "HOST", "port": "PORT", "scale": {"count": N}}; every other
// field is the same.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

type object = map[string]any

type review struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Request    *request  `json:"request,omitempty"`
	Response   *response `json:"response,omitempty"`
}

type request struct {
	UID               string   `json:"uid"`
	DesiredAPIVersion string   `json:"desiredAPIVersion"`
	Objects           []object `json:"objects"`
}

type response struct {
	UID              string   `json:"uid"`
	Result           object   `json:"result"`
	ConvertedObjects []object `json:"convertedObjects"`
}

func main() {
	cert, key := flag.String("cert", "", "the certificate"), flag.String("key", "", "its key")
	flag.Parse()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	err = http.ServeTLS(listener, http.HandlerFunc(convert), *cert, *key)
	fmt.Fprintln(os.Stderr, "convert:", err)
	os.Exit(1)
}

func convert(out http.ResponseWriter, in *http.Request) {
	var asked review
	if err := json.NewDecoder(in.Body).Decode(&asked); err != nil || asked.Request == nil {
		http.Error(out, "no ConversionReview", http.StatusBadRequest)
		return
	}
	answer := &response{UID: asked.Request.UID, Result: object{"status": "Success"}}
	for _, one := range asked.Request.Objects {
		if spec, ok := one["spec"].(object); ok {
			if strings.HasSuffix(asked.Request.DesiredAPIVersion, "/v2") {
				toV2(spec)
			} else {
				toV1(spec)
			}
		}
		one["apiVersion"] = asked.Request.DesiredAPIVersion
		answer.ConvertedObjects = append(answer.ConvertedObjects, one)
	}
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(review{APIVersion: asked.APIVersion, Kind: asked.Kind, Response: answer})
}

func toV2(spec object) {
	if address, ok := spec["address"].(string); ok {
		host, port, _ := strings.Cut(address, ":")
		spec["host"], spec["port"] = host, port
		delete(spec, "address")
	}
	if replicas, ok := spec["replicas"]; ok {
		spec["scale"] = object{"count": replicas}
		delete(spec, "replicas")
	}
}

func toV1(spec object) {
	if host, ok := spec["host"].(string); ok {
		port, _ := spec["port"].(string)
		spec["address"] = host + ":" + port
		delete(spec, "host")
		delete(spec, "port")
	}
	if scale, ok := spec["scale"].(object); ok {
		spec["replicas"] = scale["count"]
		delete(spec, "scale")
	}
}
