package schedule

import (
	"fmt"
	"slices"
	"time"
)

// Named returns the fault of this name.
func Named(name string) (Fault, error) {
	if i := slices.Index(names[:], name); i >= 0 {
		return Fault(i), nil
	}
	return 0, fmt.Errorf("there is no fault %q", name)
}

// MarshalText writes the fault's name.
func (f Fault) MarshalText() ([]byte, error) {
	if f >= Faults {
		return nil, fmt.Errorf("there is no fault number %d", f)
	}
	return []byte(names[f]), nil
}

// UnmarshalText reads the fault's name.
func (f *Fault) UnmarshalText(text []byte) (err error) {
	*f, err = Named(string(text))
	return err
}

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the duration as Go does, such as "1.5s". Nothing is rounded.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration as Go does. A number without a unit is an error: nobody knows what it counts.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no duration: write \"1.5s\" or \"20ms\"", text)
	}
	*d = Duration(parsed)
	return nil
}
