import { walk } from "./walk.mjs";

walk("a telephone", 390);
