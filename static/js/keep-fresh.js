// Pages whose parts are all made on the server: looked at again when something happens.

import * as fragment from "./fragment.js";

fragment.begin(["transaction", "block", "chain-extended", "reorganisation", "operator"]);
