import type { Metadata } from "next";
import type { ReactNode } from "react";

export const metadata: Metadata = { title: "Events", description: "Events from Plenary" };

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <main>{children}</main>
      </body>
    </html>
  );
}
