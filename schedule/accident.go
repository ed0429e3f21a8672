package schedule

// accidents are the faults that befall what happens anyway: a message, a write, a restart. All others are attacks, which come at an
// instant. A schedule names an accident by its place and number, and an attack by its instant.
//
// MidWrite is an attack that may also be an accident: a member that is just coming back stops again in one of the writes of its
// recovery. Its strikes tell the two apart by their place. So is Upgrade: what befalls a member there is that its first program is an old one.
var accidents = [Faults]bool{
	Loss: true, Duplicate: true, Straggler: true, Obituary: true,
	ClientReset: true, ClientGhost: true, LateDemand: true,
	Coup: true, Ambush: true, BrokenOath: true, Stray: true,
	LostWrite: true, TornWrite: true, LostName: true,
}

// Accident tells whether the fault befalls what happens anyway, rather than coming at an instant.
func (f Fault) Accident() bool { return accidents[f] }
