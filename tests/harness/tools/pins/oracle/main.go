// Command oracle answers what only the libraries of others know: what Flux makes of an object's status, and whether
// the Prometheus operator knows every field of a manifest.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(arguments []string, in io.Reader, out io.Writer) error {
	if len(arguments) != 1 {
		return errors.New("usage: oracle kstatus|monitoring < MANIFEST")
	}
	manifest, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	switch arguments[0] {
	case "kstatus":
		return kstatus(manifest, out)
	case "monitoring":
		return known(manifest)
	}
	return fmt.Errorf("no such question: %s", arguments[0])
}

// kstatus prints the status that Flux waits for, and its message on the next line.
func kstatus(manifest []byte, out io.Writer) error {
	object := &unstructured.Unstructured{}
	// Plain JSON would make a float of every number.
	text, err := yaml.YAMLToJSON(manifest)
	if err != nil {
		return err
	}
	if err := object.UnmarshalJSON(text); err != nil {
		return err
	}
	result, err := status.Compute(object)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n%s\n", result.Status, result.Message)
	return err
}

// known is an error for a field that the kind does not have.
func known(manifest []byte) error {
	var about struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := yaml.Unmarshal(manifest, &about); err != nil {
		return err
	}
	kinds := map[string]any{
		monitoring.ServiceMonitorsKind: &monitoring.ServiceMonitor{},
		monitoring.PrometheusRuleKind:  &monitoring.PrometheusRule{},
	}
	kind, there := kinds[about.Kind]
	if !there || about.APIVersion != monitoring.SchemeGroupVersion.String() {
		return fmt.Errorf("no kind of the Prometheus operator: %s %s", about.APIVersion, about.Kind)
	}
	return yaml.UnmarshalStrict(manifest, kind)
}
