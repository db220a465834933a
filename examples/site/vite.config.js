// The built site forbids what it does not need: inline scripts and styles, and scripts of anybody but itself and its server of
// Plenary, whose editor it loads. Pictures may be anywhere, as in content.
const server = process.env.VITE_PLENARY_URL ?? "http://127.0.0.1:8080";
const policy = [
  "default-src 'none'",
  `script-src 'self' ${server}`,
  "style-src 'self'",
  `img-src 'self' data: https: ${server}`,
  `connect-src ${server}`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

export default {
  plugins: [
    {
      name: "content-security-policy",
      apply: "build",
      transformIndexHtml: () => [{ tag: "meta", injectTo: "head-prepend", attrs: { "http-equiv": "Content-Security-Policy", content: policy } }],
    },
  ],
};
