"""go-microservices: services build, lint clean and pass their own tests, whether templates or a model wrote their files."""

import os
import subprocess
import textwrap

from conftest import ROOT, tree

SPEC = ROOT / "tests" / "specs" / "services.yaml"
GO = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off"}


def run(directory, *command):
    r = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=900, env=GO)
    assert r.returncode == 0, (command, r.stdout[-4000:], r.stderr[-4000:])
    return r.stdout


def generate(daemon, out, *args):
    events = daemon.events(daemon.genopt("gen", SPEC, "-o", out, "--json", *args, check=0))
    assert events[-1]["type"] == "done", events[-1]
    assert events[-1]["summary"]["files"]["failed"] == 0
    return events[-1]["summary"]["files"]


def builds(out):
    assert run(out, "gofmt", "-l", ".") == ""
    run(out, "go", "vet", "./...")
    run(out, "go", "test", "./...")


def test_services_from_templates(daemon, place):
    files = generate(daemon, place / "out")
    assert files["template"] > files["call"] > 0
    builds(place / "out")
    (place / "out" / "internal" / "rpc" / "rpc_test.go").write_text(WIRE)
    run(place / "out", "go", "test", "./internal/rpc")


def test_services_from_a_model(daemon, place):
    files = generate(daemon, place / "out", "--set", "optimization.template=off")
    assert files["template"] == 0
    builds(place / "out")
    (place / "out" / "internal" / "rpc" / "rpc_test.go").write_text(WIRE)
    run(place / "out", "go", "test", "./internal/rpc")  # whoever wrote it, the wire is the same


def test_names_and_contracts(daemon, place):
    """What clashes gets an ending; a service has one contract; who calls whom has no circle."""
    generate(daemon, place / "out")
    files = tree(place / "out")
    assert {p for p in files if p.startswith("proto/")} == {"proto/clay.proto", "proto/pot.proto", "proto/storemodel.proto"}
    assert b"type RemoteEntity struct" in files["internal/pot/remote.go"]
    pot, clay = files["proto/pot.proto"].decode(), files["proto/clay.proto"].decode()
    assert "rpc RemovePot (RemovePotRequest) returns (RemovePotResponse);" in pot
    assert "repeated pot.Pot pots" in clay and 'import "pot.proto";' in clay
    assert b"POT_URL" in files["cmd/clay/main.go"] and b"CLAY_URL" not in files["cmd/pot/main.go"]


WIRE = textwrap.dedent('''\
    package rpc_test

    import (
    	"context"
    	"encoding/binary"
    	"io"
    	"net/http"
    	"net/http/httptest"
    	"strings"
    	"testing"

    	"kiln/internal/rpc"
    )

    type word struct {
    	Text string `json:"text"`
    }

    func echo(ctx context.Context, in *word) (*word, error) {
    	if in.Text == "" {
    		return nil, rpc.Errorf(rpc.FailedPrecondition, "no text: 100 %% of it")
    	}
    	return in, nil
    }

    func serve(t *testing.T, tls bool) *httptest.Server {
    	s := rpc.NewServer()
    	rpc.Handle(s, "/a.A/Echo", echo)
    	web := httptest.NewUnstartedServer(s)
    	web.EnableHTTP2 = tls
    	if tls {
    		web.StartTLS()
    	} else {
    		web.Start()
    	}
    	t.Cleanup(web.Close)
    	return web
    }

    func TestCalls(t *testing.T) {
    	for _, tls := range []bool{false, true} {
    		web := serve(t, tls)
    		c := rpc.NewClient(web.URL, web.Client())
    		out, err := rpc.Call[word](context.Background(), c, "/a.A/Echo", &word{Text: "x"})
    		if err != nil || out.Text != "x" {
    			t.Fatalf("%v %v", out, err)
    		}
    		_, err = rpc.Call[word](context.Background(), c, "/a.A/Echo", &word{})
    		if rpc.CodeOf(err) != rpc.FailedPrecondition || err.Error() != "no text: 100 % of it" {
    			t.Errorf("%d %v", rpc.CodeOf(err), err)
    		}
    		_, err = rpc.Call[word](context.Background(), c, "/a.A/None", &word{})
    		if rpc.CodeOf(err) != rpc.Unimplemented {
    			t.Errorf("%d %v", rpc.CodeOf(err), err)
    		}
    		_, err = rpc.Call[word](context.Background(), c, "/a.A/Echo", &word{Text: strings.Repeat("x", 5<<20)})
    		if rpc.CodeOf(err) != rpc.InvalidArgument {
    			t.Errorf("too long: %d %v", rpc.CodeOf(err), err)
    		}
    		web.Close()
    		_, err = rpc.Call[word](context.Background(), c, "/a.A/Echo", &word{Text: "x"})
    		if rpc.CodeOf(err) != rpc.Unavailable {
    			t.Errorf("nobody there: %d %v", rpc.CodeOf(err), err)
    		}
    	}
    }

    func framed(kind byte, length int, text string) string {
    	head := []byte{kind, 0, 0, 0, 0}
    	binary.BigEndian.PutUint32(head[1:], uint32(length))
    	return string(head) + text
    }

    func TestFrames(t *testing.T) {
    	web := serve(t, true)
    	for _, c := range []struct{ body, status string }{
    		{framed(0, 12, `{"text":"a"}`), "0"},
    		{"", "3"},
    		{framed(1, 12, `{"text":"a"}`), "3"},
    		{framed(0, 13, `{"text":"a"}`), "3"},
    		{framed(0, 12, `{"text":"a"}`) + "x", "3"},
    		{framed(0, 5<<20, ""), "3"},
    		{framed(0, 1, `{`), "3"},
    	} {
    		res, err := web.Client().Post(web.URL+"/a.A/Echo", "application/grpc+json", strings.NewReader(c.body))
    		if err != nil {
    			t.Fatal(err)
    		}
    		_, _ = io.ReadAll(res.Body)
    		if res.ProtoMajor != 2 || res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/grpc+json" || res.Trailer.Get("Grpc-Status") != c.status {
    			t.Errorf("%q: %s %d %v %v", c.body, res.Proto, res.StatusCode, res.Header, res.Trailer)
    		}
    		res.Body.Close()
    	}
    	if res, err := web.Client().Get(web.URL + "/a.A/Echo"); err != nil || res.StatusCode != http.StatusMethodNotAllowed {
    		t.Errorf("GET: %v %v", res, err)
    	}
    	if res, err := web.Client().Post(web.URL+"/a.A/Echo", "text/plain", strings.NewReader("")); err != nil || res.StatusCode != http.StatusUnsupportedMediaType {
    		t.Errorf("text: %v %v", res, err)
    	}
    }
    ''')
