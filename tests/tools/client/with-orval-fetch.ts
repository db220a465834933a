// What orval's functions send their requests with: it adds the server's address.
export async function send<T>(path: string, options: RequestInit): Promise<T> {
  const [server = ""] = process.argv.slice(2);
  const response = await fetch(server + path, options);
  const text = await response.text();
  return { data: text && JSON.parse(text), status: response.status, headers: response.headers } as T;
}
