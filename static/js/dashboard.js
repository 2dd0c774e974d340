// The dashboard: one module a behaviour, and the socket once all of them listen.

import * as chain from "./chain.js";
import { live } from "./connection.js";
import * as form from "./form.js";
import * as mining from "./mining.js";
import * as news from "./news.js";
import * as pill from "./pill.js";
import * as pool from "./pool.js";
import * as times from "./times.js";

const { seq, node, at } = document.getElementById("main").dataset;
times.begin(at);
for (const part of [chain, pool, mining, news, pill, form]) part.begin();
live.begin(Number(seq), node);
