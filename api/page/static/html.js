// Markup in JavaScript: Preact's elements from htm's template strings.
import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
