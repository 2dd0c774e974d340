// The dashboard: one module a behaviour. The socket and the clock are every page's (site.js).

import * as catchingUp from "./catching-up.js";
import * as chain from "./chain.js";
import * as feed from "./feed.js";
import * as form from "./form.js";
import * as fragment from "./fragment.js";
import * as mining from "./mining.js";
import * as news from "./news.js";
import * as peers from "./peers-card.js";
import * as pool from "./pool.js";

for (const part of [chain, catchingUp, pool, mining, news, peers, feed, form]) part.begin();
fragment.begin(["block", "chain-extended", "reorganisation"]); // the cards that look further back
