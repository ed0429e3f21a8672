//go:build !oldest

package daemon

import "lockd/lockfsm"

// supported is the latest version that this program reads and writes. One that is built with the tag "oldest" stands for an older program.
const supported = lockfsm.Newest
