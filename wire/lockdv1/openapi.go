package lockdv1

import _ "embed"

// OpenAPI is the OpenAPI v2 document, in JSON, of the service's HTTP form.
//
//go:embed lockd.swagger.json
var OpenAPI string
