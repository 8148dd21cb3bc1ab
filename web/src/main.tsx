/** Starts the app: the live odds first, then the page, then the wallet of the last visit. */

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { contractsQuery, queryClient } from "./api/queries.ts";
import { router } from "./app/routes.tsx";
import { followOtherTabs as followCashOuts, openCashOuts } from "./cash_outs/journal.ts";
import { startOwn } from "./session/own.ts";
import { openSession } from "./session/state.ts";
import { followOtherTabs as followSlips } from "./slip/journal.ts";
import { resumeSlips } from "./slip/resuming.ts";
import { language } from "./strings/index.ts";
import "./style.css";
import { reconnect } from "./wallet/state.ts";

document.documentElement.lang = language;
startOwn();
followSlips();
followCashOuts();
void queryClient.ensureQueryData(contractsQuery).then(({ chain_id, sportsbook }) => {
  void resumeSlips(chain_id, sportsbook).catch(() => {});
  openSession(chain_id, sportsbook);
  openCashOuts(chain_id, sportsbook);
});

const place = document.getElementById("app");
if (place === null) throw new Error("index.html has no #app");
createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
void reconnect();
