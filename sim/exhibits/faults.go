package exhibits

import (
	"fmt"
	"slices"
	"time"

	"lockd/linearizability"
	"lockd/schedule"
)

func seconds(s float64) schedule.Duration { return schedule.Duration(s * float64(time.Second)) }

// stoppedHolder: four clients stand still for longer than any lease, each just when it has been granted a lock that others
// want.
var stoppedHolder = twin{
	seed:  2,
	proof: []string{"a holder's session expires", "a client loses its session", "the resource refuses an old token"},
	plan: func(rehearse rehearsal) []blow {
		return atGrants(rehearse, stop, stop, stop, stop)
	},
}

// workersThatVanish: two holders stand still, and two end without a word.
var workersThatVanish = twin{
	seed:  7,
	proof: []string{"a holder's session expires", "a client loses its session"},
	plan: func(rehearse rehearsal) []blow {
		return atGrants(rehearse, stop, crash, stop, crash)
	},
}

func stop(client int) blow {
	return blow{
		Strike: schedule.Strike{Fault: schedule.ClientPause, Client: client, Lasts: seconds(18)},
		words:  fmt.Sprintf("client %d stands still for 18s, and won't notice", client),
	}
}

func crash(client int) blow {
	return blow{
		Strike: schedule.Strike{Fault: schedule.ClientCrash, Client: client},
		words:  fmt.Sprintf("client %d ends without a word", client),
	}
}

// atGrants strikes one client after the other in the moment in which it is granted a shared lock. Each rehearsal shows what
// comes after the blows that were planned before.
func atGrants(rehearse rehearsal, strikes ...func(client int) blow) (blows []blow) {
	after, struck := 2*time.Second, map[int32]bool{}
	for _, strike := range strikes {
		grants := slices.DeleteFunc(rehearse(blows).Operations, func(o linearizability.Operation) bool {
			granted := o.Kind == linearizability.Acquire && o.Outcome == linearizability.Done
			return !granted || !isShared(o.Lock) || o.Returned < after || struck[o.Client]
		})
		if len(grants) == 0 {
			return blows
		}
		grant := slices.MinFunc(grants, byReturn)
		b := strike(int(grant.Client))
		b.Number, b.At, b.hits = uint64(len(blows)+1), schedule.Duration(grant.Returned+time.Microsecond), held(grant)
		blows = append(blows, b)
		after, struck[grant.Client] = grant.Returned+100*time.Millisecond, true
	}
	return blows
}

// isShared tells whether all clients want a lock whose file compares tokens. These have short names.
func isShared(lock string) bool { return len(lock) == 1 }

// lateDemands: some of what clients ask of the file takes so long that they have given the lock back meanwhile.
var lateDemands = twin{
	seed:  2,
	proof: []string{"the resource refuses an old token"},
	plan: func(rehearsal) (blows []blow) {
		for number := uint64(8); number <= 80; number += 8 {
			for client := 1; client <= clients; client++ {
				blows = append(blows, blow{
					Strike: schedule.Strike{Fault: schedule.LateDemand, Place: fmt.Sprint("c", client), Number: number},
					words:  fmt.Sprintf("the network holds up what client %d asks of the file", client),
				})
			}
		}
		return blows
	},
}

// leadersWithOtherClocks: the clocks of all servers are set hours apart, and then one after the other is killed.
var leadersWithOtherClocks = twin{
	seed:  17,
	proof: []string{"a leader is deposed"},
	plan: func(rehearsal) (blows []blow) {
		for server := 1; server <= servers; server++ {
			ahead := time.Duration(servers-server+2) * time.Hour
			blows = append(blows, blow{
				Strike: schedule.Strike{
					Fault: schedule.ClockJump, Number: uint64(server), At: seconds(1), Server: server, Amount: int64(ahead),
				},
				words: fmt.Sprintf("the clock of server %d is set ahead by %.0f hours", server, ahead.Hours()),
			}, blow{
				Strike: schedule.Strike{Fault: schedule.Kill, Number: uint64(server), At: seconds(float64(4 * server)), Server: server},
				words:  fmt.Sprintf("server %d is killed, and soon starts again", server),
			})
		}
		return blows
	},
}

// entriesThatReachFew: each server in turn is heard by one other only, so that what it writes as the leader reaches two of
// five; meanwhile a client ends without a word.
var entriesThatReachFew = twin{
	seed:  3,
	proof: []string{"a leader is deposed", "entries are cut from a log"},
	plan: func(rehearsal) (blows []blow) {
		for server := 1; server <= servers; server++ {
			at, heard := seconds(float64(4*server)), server%servers+1
			var cut []string
			for other := 1; other <= servers; other++ {
				if other != server && other != heard {
					cut = append(cut, fmt.Sprintf("s%d>s%d", server, other))
				}
			}
			blows = append(blows, blow{
				Strike: schedule.Strike{Fault: schedule.OneWay, Number: uint64(server), At: at, Lasts: seconds(3), Cut: cut},
				words:  fmt.Sprintf("for 3s server %d is heard by server %d only, and by none of the others", server, heard),
			}, blow{
				Strike: schedule.Strike{Fault: schedule.ClientCrash, Number: uint64(server), At: at + seconds(0.1), Client: server},
				words:  fmt.Sprintf("client %d ends without a word", server),
			})
		}
		return blows
	},
}

// serversWhoseClocksJump: each by up to a minute, as in the exhibit, and each more than once.
var serversWhoseClocksJump = twin{
	seed: 2,
	plan: func(rehearsal) (blows []blow) {
		for jump := 1; jump <= 2*servers; jump++ {
			server, by := (jump-1)%servers+1, time.Duration(jump)*6*time.Second
			blows = append(blows, blow{
				Strike: schedule.Strike{
					Fault: schedule.ClockJump, Number: uint64(jump), At: seconds(2 * float64(jump)), Server: server, Amount: int64(by),
				},
				words: fmt.Sprintf("the clock of server %d is set ahead by %v", server, by),
			})
		}
		return blows
	},
}

// strayReleases: what ends a grant comes a second time, often when the lock is somebody else's.
var strayReleases = twin{
	seed:  2,
	proof: []string{"a release shows an old token"},
	plan: func(rehearsal) (blows []blow) {
		for number := uint64(5); number <= 40; number += 5 {
			for client := 1; client <= clients; client++ {
				blows = append(blows, blow{
					Strike: schedule.Strike{Fault: schedule.Stray, Place: fmt.Sprint("c", client), Number: number},
					words:  fmt.Sprintf("client %d gives its lock back, and a second release of it is on its way, perhaps for long", client),
				})
			}
		}
		return blows
	},
}
