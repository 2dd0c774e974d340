// The tree, the journal and a reorganisation's page: made anew when the chain changed.

import * as fragment from "./fragment.js";
import { onPeersChanged } from "./peers-changed.js";

onPeersChanged(fragment.look);
fragment.begin(["block", "chain-extended", "reorganisation", "refusal", "operator"]);
