package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/anykernel/anykernel/backends"
	"github.com/anykernel/anykernel/hypercall"
	"github.com/anykernel/anykernel/hypercall/record"
	"github.com/anykernel/anykernel/sim"
)

// A recording is what the flags --record and --replay say.
type recording struct{ record, replay string }

// recordFlags gives cmd these flags.
func recordFlags(cmd *cobra.Command) *recording {
	r := &recording{}
	cmd.Flags().StringVar(&r.record, "record", "", "run in virtual time, and write all that kernels ask for and are answered to a `file`")
	cmd.Flags().StringVar(&r.replay, "replay", "", "run again what a `file` of --record has, without the host's files, and stop at the first difference")
	cmd.MarkFlagsMutuallyExclusive("record", "replay")
	return r
}

func (r *recording) wanted() bool { return r.record != "" || r.replay != "" }

// run runs f with the case that is to be run, and options with which a world is
// recorded or replayed.
func (r *recording) run(c sim.Case, o sim.Options, f func(sim.Case, sim.Options) sim.Result) (sim.Result, error) {
	switch {
	case r.record != "":
		return r.runRecorded(c, o, f)
	case r.replay != "":
		return r.runAgain(o, f)
	}
	return f(c, o), nil
}

func (r *recording) runRecorded(c sim.Case, o sim.Options, f func(sim.Case, sim.Options) sim.Result) (result sim.Result, err error) {
	file, err := os.Create(r.record)
	if err != nil {
		return result, err
	}
	buffered := bufio.NewWriter(file)
	w, err := record.NewWriter(buffered, record.Header{Program: os.Args, Case: c.String(), Made: time.Now().UTC()})
	if err != nil {
		return result, errors.Join(err, file.Close())
	}
	rec := record.NewRecorder(w)
	result = f(c, withHook(o, rec.Hook))
	return result, errors.Join(noteFaults(result, rec.Note), rec.Close(), buffered.Flush(), file.Close())
}

func (r *recording) runAgain(o sim.Options, f func(sim.Case, sim.Options) sim.Result) (result sim.Result, err error) {
	file, err := os.Open(r.replay)
	if err != nil {
		return result, err
	}
	defer file.Close()
	reader, err := record.NewReader(file)
	if err != nil {
		return result, fmt.Errorf("%s: %w", r.replay, err)
	}
	c, err := sim.ParseCase(reader.Header.Case)
	if err != nil {
		return result, err
	}
	p := record.NewReplayer(reader)
	result = f(c, withHook(o, p.Hook))
	var differs *record.Difference
	if err := cmp.Or(noteFaults(result, p.Note), p.Close()); err != nil && !errors.As(result.Err, &differs) {
		result.Err = errors.Join(result.Err, err)
	}
	return result, nil
}

// replayed is the case of the recording that is to be replayed.
func (r *recording) replayed() (sim.Case, error) {
	file, err := os.Open(r.replay)
	if err != nil {
		return sim.Case{}, err
	}
	defer file.Close()
	reader, err := record.NewReader(file)
	if err != nil {
		return sim.Case{}, fmt.Errorf("%s: %w", r.replay, err)
	}
	return sim.ParseCase(reader.Header.Case)
}

// noteFaults has the faults of a run be the end of its recording.
func noteFaults(r sim.Result, note func(string, time.Duration, hypercall.Fields) error) error {
	for _, f := range r.Faults {
		err := note("fault", f.At, hypercall.Fields{{Name: "number", Value: int64(f.Number)}, {Name: "what", Value: f.Name}})
		if err != nil {
			return err
		}
	}
	return nil
}

// withHook has a hook see the events of all kernels of a world.
func withHook(o sim.Options, hook func(hypercall.Clock) hypercall.Hook) sim.Options {
	o.Configure = func(kernel string, cfg *backends.Config) {
		if cfg.Hooks == nil {
			cfg.Hooks = hypercall.NewHooks(kernel)
		}
		cfg.Hooks.Add(hook(cfg.Host.Scheduler))
	}
	return o
}
