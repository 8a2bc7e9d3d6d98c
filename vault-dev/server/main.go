// A real Vault server for development and tests: HashiCorp Vault's own core, imported as a Go library, with its
// storage in memory. It starts initialized and unsealed, as "vault server -dev" does, and forgets everything when it
// ends. Never keep a secret in it that matters.
//
// Neither Debian nor npm has a Vault; the library can be had wherever Go modules can. Vault builds with a "replace"
// that its users cannot have, so most versions do not compile here: go.mod pins a pair of core and sdk that does.
// Vault 1.13.0 and the modules of HashiCorp that it needs are under the Mozilla Public License 2.0.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/audit"
	auditfile "github.com/hashicorp/vault/builtin/audit/file"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/credential/userpass"
	"github.com/hashicorp/vault/builtin/logical/database"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/helper/namespace"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/plugins/database/postgresql"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

type options struct {
	listen        string
	rootToken     string
	exitWithStdin bool
}

// announcement is the one line on standard output. Its fields are read by rig/vault/vault-server.ts.
type announcement struct {
	Address   string `json:"address"`
	RootToken string `json:"root_token"`
	UnsealKey string `json:"unseal_key"`
}

func main() {
	// Standard output carries the announcement alone, so whatever a library prints must not go there.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	if err := run(readOptions(), stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vault-server:", err)
		os.Exit(1)
	}
}

func readOptions() options {
	var o options
	flag.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback `address` to listen on; port 0 picks a free one")
	flag.StringVar(&o.rootToken, "root-token", "", "`id` of the root token; empty leaves it to Vault")
	flag.BoolVar(&o.exitWithStdin, "exit-with-stdin", false, "end when standard input is closed")
	flag.Parse()
	return o
}

func run(o options, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if o.exitWithStdin {
		// The parent holds the other end. The kernel closes it however the parent ends, also by a SIGKILL.
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	listener, err := listenOnLoopback(o.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	core, ready, err := startCore(o.rootToken)
	if err != nil {
		return err
	}
	ready.Address = "http://" + listener.Addr().String()
	return serve(ctx, core, listener, func() error { return json.NewEncoder(stdout).Encode(ready) })
}

// listenOnLoopback refuses everything that another machine could reach: there is no TLS, and anyone on this machine can
// see the root token in the list of processes. Names are refused too, because what they mean can change.
func listenOnLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("could not listen on %q: %w", address, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("could not listen on %q: expected a loopback IP address such as 127.0.0.1:8200", address)
	}
	return net.Listen("tcp", address)
}

func startCore(rootToken string) (*vault.Core, *announcement, error) {
	logger := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.Warn, Exclude: isNoise})
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return nil, nil, err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		StorageType:        "inmem",
		Logger:             logger,
		DisableMlock:       true,
		LogicalBackends:    secretEngines,
		CredentialBackends: authMethods,
		AuditBackends:      map[string]audit.Factory{"file": auditfile.Factory},
		BuiltinRegistry:    builtins,
	})
	if err != nil {
		return nil, nil, err
	}
	ready, err := makeUsable(core, rootToken)
	return core, ready, err
}

// isNoise knows what KV complains of at every write: that nobody started the events, an experiment in this version.
func isNoise(_ hclog.Level, message string, _ ...any) bool {
	return message == "Error sending event"
}

// makeUsable does what "vault server -dev" does, so that the same bootstrap works against either.
func makeUsable(core *vault.Core, rootToken string) (*announcement, error) {
	ctx := namespace.RootContext(context.Background())
	oneKey := &vault.SealConfig{SecretShares: 1, SecretThreshold: 1, StoredShares: 1}
	result, err := core.Initialize(ctx, &vault.InitParams{BarrierConfig: oneKey})
	if err != nil {
		return nil, err
	}
	// Unsealing may overwrite the key that it is given, so it is written down first.
	key := base64.StdEncoding.EncodeToString(result.SecretShares[0])
	if _, err := core.Unseal(result.SecretShares[0]); err != nil {
		return nil, err
	}
	token, err := chooseRootToken(ctx, core, result.RootToken, rootToken)
	if err != nil {
		return nil, err
	}
	mount := map[string]any{"type": "kv", "options": map[string]string{"version": "2"}}
	return &announcement{RootToken: token, UnsealKey: key}, update(ctx, core, token, "sys/mounts/secret", mount)
}

// chooseRootToken replaces the root token that Vault made up by the one that was asked for.
func chooseRootToken(ctx context.Context, core *vault.Core, initial, chosen string) (string, error) {
	if chosen == "" {
		return initial, nil
	}
	data := map[string]any{"id": chosen, "policies": []string{"root"}, "no_parent": true, "no_default_policy": true}
	if err := update(ctx, core, initial, "auth/token/create", data); err != nil {
		return "", err
	}
	return chosen, update(ctx, core, initial, "auth/token/revoke-self", nil)
}

func update(ctx context.Context, core *vault.Core, token, path string, data map[string]any) error {
	request := &logical.Request{Operation: logical.UpdateOperation, ClientToken: token, Path: path, Data: data}
	response, err := core.HandleRequest(ctx, request)
	if err == nil && response.IsError() {
		err = response.Error()
	}
	if err != nil {
		return fmt.Errorf("could not write to %s: %w", path, err)
	}
	return nil
}

// serve announces, then answers until the context ends.
func serve(ctx context.Context, core *vault.Core, listener net.Listener, announce func() error) error {
	config := &configutil.Listener{Type: "tcp", Address: listener.Addr().String(), TLSDisable: true}
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: config})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	// The socket is open already: who connects on reading this waits at most until the next line has run.
	if err := announce(); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return core.Shutdown()
}

var secretEngines = map[string]logical.Factory{
	"kv":       kv.Factory,
	"transit":  transit.Factory,
	"database": database.Factory,
}

var authMethods = map[string]logical.Factory{
	"approle":  approle.Factory,
	"userpass": userpass.Factory,
}

type factory = func() (any, error)

// registry tells the core which plugins are compiled in. Vault's own registry would pull in the client library of every
// cloud and database; without any registry, each request to mount something panics.
type registry map[consts.PluginType]map[string]factory

var builtins = registry{
	consts.PluginTypeSecrets:    toPlugins(secretEngines),
	consts.PluginTypeCredential: toPlugins(authMethods),
	consts.PluginTypeDatabase:   {"postgresql-database-plugin": postgresql.New},
}

func toPlugins(backends map[string]logical.Factory) map[string]factory {
	plugins := map[string]factory{}
	for name := range backends {
		backend := backends[name]
		plugins[name] = func() (any, error) { return backend, nil }
	}
	return plugins
}

func (r registry) Get(name string, kind consts.PluginType) (factory, bool) {
	plugin, found := r[kind][name]
	return plugin, found
}

func (r registry) Contains(name string, kind consts.PluginType) bool {
	return r[kind][name] != nil
}

func (r registry) Keys(kind consts.PluginType) []string {
	var names []string
	for name := range r[kind] {
		names = append(names, name)
	}
	return names
}

func (r registry) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}
