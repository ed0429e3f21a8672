package daemon

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAddressOfAllInterfacesIsAdvertisedAsThePeersReachIt(t *testing.T) {
	for listened, advertised := range map[string]string{
		"0.0.0.0:7400":   "one.example:7400",
		"[::]:7400":      "one.example:7400",
		"127.0.0.1:7400": "127.0.0.1:7400",
		"":               "",
	} {
		require.Equal(t, advertised, reachable(listened, "one.example"))
	}
}
