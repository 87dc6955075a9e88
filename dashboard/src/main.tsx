/** The page's entry: puts the application into index.html. */
import { render } from "preact";
import { App } from "./components/App";
import "./styles/main.css";

const root = document.getElementById("page");
if (root) {
    root.replaceChildren();
    render(<App />, root);
}
