//go:build oldest

package daemon

import "lockd/lockfsm"

const supported = lockfsm.Oldest
