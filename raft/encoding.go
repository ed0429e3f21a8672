package raft

import (
	"encoding/binary"
	"fmt"
)

// A membership, as the data of a KindMembers entry and in snapshots, all numbers little-endian:
//
//	plain:  (id 8 | incarnation 8) ...
//	full:   zero 8 | format 1 | voters | former voters | learners
//	list:   count 4 | (id 8 | incarnation 8 | length 2 | address) ...
//
// Voters alone, of whom no address is told, are plain: so are the members who form a cluster, and whatever was written before there were
// changes. Zero is no ID, so that none of them begins like a full one. There is one encoding of each membership.
const (
	plainMember    = 8 + 8
	fullPrefix     = 8 + 1
	fullFormat     = 1
	leastInAList   = 8 + 8 + 2
	addressInALog  = 1<<16 - 1
	membershipList = 3
)

func (m *Membership) lists() [membershipList]*[]Member {
	return [...]*[]Member{&m.Members, &m.Former, &m.Learners}
}

// Plain tells whether the short form says it all.
func (m *Membership) Plain() bool {
	for i := range m.Members {
		if m.Members[i].Address != "" {
			return false
		}
	}
	return len(m.Former)+len(m.Learners) == 0
}

// AppendMembership encodes a membership. Its addresses are at most 65,535 bytes long.
func AppendMembership(dst []byte, m Membership) []byte {
	if m.Plain() {
		for i := range m.Members {
			dst = appendMember(dst, &m.Members[i])
		}
		return dst
	}
	dst = append(binary.LittleEndian.AppendUint64(dst, 0), fullFormat)
	for _, list := range m.lists() {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(*list)))
		for i := range *list {
			address := (*list)[i].Address
			assert(len(address) <= addressInALog, "an address of %d bytes", len(address))
			dst = binary.LittleEndian.AppendUint16(appendMember(dst, &(*list)[i]), uint16(len(address)))
			dst = append(dst, address...)
		}
	}
	return dst
}

func appendMember(dst []byte, m *Member) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, uint64(m.ID)), m.Incarnation)
}

// DecodeMembership is the inverse of AppendMembership.
func DecodeMembership(data []byte) (Membership, error) {
	var m Membership
	whole := false
	if len(data) >= fullPrefix && binary.LittleEndian.Uint64(data) == 0 {
		if data[8] != fullFormat {
			return Membership{}, fmt.Errorf("raft: a membership of format %d, which this version does not know", data[8])
		}
		whole = m.decodeFull(data[fullPrefix:]) && !m.Plain()
	} else {
		whole = m.decodePlain(data)
	}
	if !whole {
		return Membership{}, fmt.Errorf("raft: a membership of %d bytes is not as it was written", len(data))
	}
	if wrong := m.check(); wrong != "" {
		return Membership{}, fmt.Errorf("raft: a membership: %s", wrong)
	}
	return m, nil
}

func (m *Membership) decodePlain(data []byte) bool {
	for ; len(data) >= plainMember; data = data[plainMember:] {
		m.Members = append(m.Members, decodeMember(data))
	}
	return len(data) == 0
}

func (m *Membership) decodeFull(data []byte) bool {
	for _, list := range m.lists() {
		if len(data) < 4 {
			return false
		}
		count := binary.LittleEndian.Uint32(data)
		data = data[4:]
		for range count {
			if len(data) < leastInAList {
				return false
			}
			member, length := decodeMember(data), int(binary.LittleEndian.Uint16(data[plainMember:]))
			if data = data[leastInAList:]; len(data) < length {
				return false
			}
			member.Address, data = string(data[:length]), data[length:]
			*list = append(*list, member)
		}
	}
	return len(data) == 0
}

func decodeMember(data []byte) Member {
	return Member{ID: ID(binary.LittleEndian.Uint64(data)), Incarnation: binary.LittleEndian.Uint64(data[8:])}
}

func mustDecodeMembership(e *Entry) Membership {
	m, err := DecodeMembership(e.Data)
	assert(err == nil, "entry %d: %v", e.Index, err)
	return m
}
