/** The Plenary server. */
export const baseUrl = process.env["PLENARY_URL"] ?? "http://127.0.0.1:8080";
