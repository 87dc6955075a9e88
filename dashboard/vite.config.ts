import { defineConfig } from "vitest/config";

/** Relative URLs, so that the page works under any prefix; nothing inlined, so that the policy can forbid it. */
export default defineConfig({
    base: "./",
    build: {
        outDir: "../job/nodetally/dashboard/page",
        emptyOutDir: true,
        target: "es2022",
        cssTarget: ["chrome123", "firefox120", "safari17.5"], // the first with light-dark()
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        reportCompressedSize: false,
    },
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    test: { include: ["tests/**/*.test.{ts,tsx,mjs}"], environment: "node" },
});
