// The tree, the journal and a reorganisation's page: made anew when the chain changed.

import * as fragment from "./fragment.js";

fragment.begin(["block", "chain-extended", "reorganisation", "refusal", "operator"]);
