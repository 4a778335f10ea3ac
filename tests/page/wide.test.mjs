import { walk } from "./walk.mjs";

walk("a wide screen", 1280);
