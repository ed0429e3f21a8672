// Package explore looks at every state that a small cluster can reach within bounds, and finds the shortest way to one that must not be.
//
//	report, err := explore.Explore(explore.Bounds{Nodes: 3, Depth: 100, Terms: 4, Proposals: 1, Timeouts: 4}, time.Minute)
//
// The simulator draws: it runs far, with everything that a service has, and sees one order of events of many. Here nothing is drawn. There are three
// nodes, a few terms and a command or two, and all that can happen to them happens, in every order. It is no model of Raft that is explored but
// package raft: each action steps a real node and drains it. Bugs of protocols need few members and few events; what makes them hard to find is the order.
//
// # A state, and what leads to the next
//
// A state (world.go) is the members, each with its disk (member.go); the messages under way; and a history (history.go) of what must not be
// contradicted even when all members have forgotten it: who led which term, and what was chosen. An action (action.go) happens to one member: a
// message arrives, the disk finishes a record, patience runs out, a leader notices that it has heard nobody, a command or another membership is proposed,
// power is lost and returns. One more kind of action, like a read, is one more word in that list, one more case in member.step and one more bound.
//
// The search (search.go) goes by levels, so that what it finds first takes the fewest actions. It is told as a transcript like those in raft/testdata, by playing
// the same actions again on nodes that know nothing of the search: if they do not end in the same violation, the explorer says that it is broken itself.
//
// # What must hold
//
// The properties of Raft figure 3, and what this implementation promises beside them (judge.go), in every state, whatever the nodes assert of themselves.
// Leader completeness looks ahead: not only must a leader have all that was chosen, nobody may lack it who would be elected by what is on the disks of a majority.
// In Raft that holds at every moment (§5.4.3: whoever is as up to date as a majority is so as one of those who acknowledged the entry), and
// it breaks an election earlier: figure 8 of the paper is found at (c), when the entry is taken for chosen, and not at (d), when it is overwritten.
//
// Memberships change on the way, and each member counts by the last one in its own log. So do the judges: who would be elected is for the membership in the candidate's
// log to say, and what was chosen has to be on the disks of a quorum of those by whom it was counted; of both halves, if they were joint. A change
// removes voters, the leader perhaps among them. The bug of 2015 in changes of single servers takes two leaders, each with a change that the other has not
// heard of: four nodes, three terms and twenty-two actions.
//
// # Why there are so few states
//
// Members are numbered (catalogue.go), and so are messages and histories: a state is a handful of numbers. A turn of a node is a pure function of what it is and what
// happens to it, so each is taken once and looked up afterwards: two million states are made of eleven thousand members, as in the local model
// checking of Guerraoui and Yabandeh (NSDI 2011). What follows makes states fewer. Each says what is lost by it.
//
// Who is who does not matter. No decision of a node compares IDs, so two states are one if they become equal when the members are renamed: the
// fingerprint of a state is the lowest of those under all renamings. Nothing is lost, and a test compares with a search that does not fold. (A transfer to whoever is closest would
// choose by ID among equals; transfers are not explored. A leader that was removed chooses like that, too. What it tells its choice never arrives: it
// steps down when it has waited for long enough, whomever it chose.)
//
// Time is what has fallen due. Clocks of different members have nothing to do with each other: each stands still but for the
// actions that let its time pass. A heartbeat is a nanosecond, an election timeout longer than all heartbeats together, patience exactly one election timeout. A node compares
// times with these spans alone, so the only thing that its clock has to say is which of them have passed, and that is in the state. Lost
// is what comes between: a follower whose loyalty has ended, and its patience not, and so a restarted voter that votes again before it would campaign. Cluster time decides nothing in a node; entries travel and are stored
// without it, so that it never falls is for the simulator to judge.
//
// The number of a trial election says whether a message belongs to the present one, and no more (poll.go).
//
// Loss needs no action: a message that never arrives was lost. What keeps messages from arriving ever later is the bound Late: when time passes for anybody, at most so many
// messages and unfinished records stay under way. Late 0 is a network that delivers or loses before anything falls due, in any order; what is lost is
// a message that is delivered after somebody's timeout, or the other action, that came after its sending. With every step of Late more of them come back.
//
// A turn that changes nothing, and says nothing, is not taken: without the message there is less to come, not more.
//
// Disks finish at once when no crash is left. While one is, each record takes an action of its own, and a crash takes away those that had none. Lost without a
// crash is the slow disk: a record that is finished later is then like a message that arrives later, but for the leader's own.
//
// A node drains after each input, and is back at once after a crash: one that is down for long is one whose patience does not run out and whom no message reaches.
// Lost are several inputs before one drain.
//
// Bounds that can't be reached within the depth are not part of a state.
//
// # What is left out
//
// The lock machine: it has one member and no messages, and every order of a few of its commands is a test of its own (lockfsm/orders_test.go).
//
// Snapshots and their chunks, reads, and what a restarted voter asks its leader instead of waiting for its own patience; learners, and so members that come, or come back; transfers, hints of the transport (Closed, Unreachable), more commands in an Append than one. A state is known by 64 bits: among ten million states
// the odds that two of them were taken for one somewhere are one in four hundred thousand. And what needs more nodes, terms or commands than
// the bounds allow: exhausting them proves nothing beyond.
package explore
