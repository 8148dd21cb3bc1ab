/** The views and their addresses, which backend/ops/pages.py serves too. */

import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";

import { Board } from "../board/Board.tsx";
import { FixturePage } from "../board/FixturePage.tsx";
import { NotFound, PageFault } from "./Faults.tsx";
import { Shell } from "./Shell.tsx";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: PageFault });

export interface BoardSearch {
  day?: string;
  league?: string;
  favourites?: true;
}

const board = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: Board,
  validateSearch: (given: Record<string, unknown>): BoardSearch => ({
    ...(typeof given["day"] === "string" ? { day: given["day"] } : {}),
    ...(typeof given["league"] === "string" ? { league: given["league"] } : {}),
    ...(given["favourites"] === true ? { favourites: true as const } : {}),
  }),
});

export const fixtureRoute = createRoute({ getParentRoute: () => root, path: "/fixture/$id", component: FixturePage });

const account = createRoute({
  getParentRoute: () => root,
  path: "/account",
  component: lazyRouteComponent(() => import("../account/AccountPage.tsx"), "AccountPage"),
});
const bets = createRoute({
  getParentRoute: () => root,
  path: "/bets",
  component: lazyRouteComponent(() => import("../bets/BetsPage.tsx"), "BetsPage"),
});
const proof = createRoute({
  getParentRoute: () => root,
  path: "/proof",
  component: lazyRouteComponent(() => import("../proof/ProofPage.tsx"), "ProofPage"),
});

const liquidity = createRoute({
  getParentRoute: () => root,
  path: "/liquidity",
  component: lazyRouteComponent(() => import("../liquidity/LiquidityPage.tsx"), "LiquidityPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([board, fixtureRoute, account, bets, proof, liquidity]),
  scrollRestoration: true,
  defaultPreload: "intent",
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
