package fence

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
)

func digestOf(resource string) digest { return sha256.Sum256([]byte(resource)) }

func TestAFileOfNoMarks(t *testing.T) {
	marks, err := decodeFile(encodeFile(nil))
	require.NoError(t, err)
	require.Empty(t, marks)
}

func TestALowerRecordDoesNotLowerTheMark(t *testing.T) {
	file := append(encodeHeader(0), encodeRecord(1, mark{digestOf("a"), 9})...)
	file = append(file, encodeRecord(2, mark{digestOf("a"), 3})...)
	marks, err := decodeFile(file)
	require.NoError(t, err)
	require.Equal(t, map[digest]Token{digestOf("a"): 9}, marks)
}

func TestARecordOfTokenZeroIsDamage(t *testing.T) {
	_, err := decodeFile(append(encodeHeader(0), encodeRecord(1, mark{digestOf("a"), 0})...))
	require.Equal(t, &DamageError{Offset: 64, Reason: "the record's token is zero"}, err)
}

// Whatever a disk holds, decoding ends in damage inside the file or in marks that encode and
// decode to themselves.
func FuzzDecodeFile(f *testing.F) {
	file := encodeFile(map[digest]Token{digestOf("a"): 34})
	f.Add([]byte{})
	f.Add(file)
	f.Add(file[:len(file)-1])
	f.Add(append(file, make([]byte, recordSize)...))
	f.Add(append(file, encodeRecord(2, mark{digestOf("b"), 1})...))
	f.Add(append(file, encodeRecord(2, mark{digestOf("b"), 0})...))
	f.Add(encodeHeader(1 << 62))
	f.Fuzz(func(t *testing.T, file []byte) {
		for offset := 0; offset+recordSize <= len(file); offset += recordSize {
			// Without a right checksum hardly any input would come past the first look.
			if file[offset+crcOffset]%2 == 0 {
				seal(file[offset : offset+recordSize])
			}
		}
		marks, err := decodeFile(file)
		if err != nil {
			damage := new(DamageError)
			require.ErrorAs(t, err, &damage)
			require.LessOrEqual(t, damage.Offset, int64(len(file)))
			require.NotEmpty(t, damage.Reason)
			return
		}
		again, err := decodeFile(encodeFile(marks))
		require.NoError(t, err)
		require.Equal(t, marks, again)
	})
}
