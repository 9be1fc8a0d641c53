// What the pages need beyond htmx. No framework; nothing here is needed to read or to act.
import "./themes.js";
import "./toasts.js";
import "./keys.js";
import "./dialogs.js";
import "./copying.js";
import "./forms.js";
import "./rows.js";
import "./tabs.js";
import "./live.js";
import { watchCharts } from "./near.js";

// This script runs just before the document is said to be there; what draws is asked for after that.
document.addEventListener("DOMContentLoaded", watchCharts);
document.addEventListener("htmx:after:swap", watchCharts);
