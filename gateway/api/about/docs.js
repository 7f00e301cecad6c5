// Keeps the access token of this page fresh: after a login on the page, Swagger UI sends the token that is valid now.
// The tokens are variables of this script: no storage and no cookie has them, and a reload forgets them.
"use strict";

(() => {
  const SCHEME = "bearer"; // the name of the security scheme in the OpenAPI document
  const REFRESH = "/v1/auth/refresh";
  const ANSWER_WITH_TOKENS = /\/v1\/auth\/(login|refresh)$/;
  const LEFT = 0.2; // the share of its lifetime that a token has left when it is replaced

  let session = null;
  let renewal = null;

  const header = (tokens) => `Bearer ${tokens.access_token}`;

  function keep(tokens) {
    session = { tokens, replaceAt: Date.now() + tokens.expires_in * 1000 * (1 - LEFT) };
    ui.preauthorizeApiKey(SCHEME, tokens.access_token);
  }

  // The new tokens, or null if there are none. A refresh token works once, so requests at the same time share one renewal.
  function renewed() {
    renewal ??= renew(session).finally(() => {
      renewal = null;
    });
    return renewal;
  }

  async function renew(old) {
    const body = JSON.stringify({ refresh_token: old.tokens.refresh_token });
    try {
      const response = await fetch(REFRESH, { method: "POST", headers: { "Content-Type": "application/json" }, body });
      const tokens = response.ok ? await response.json() : null;
      if (session !== old) return null; // somebody else has logged in meanwhile
      if (tokens) keep(tokens);
      else if (response.status === 401) session = null; // the session has ended
      return tokens;
    } catch {
      return null; // the gateway cannot be reached, as the request itself is about to say
    }
  }

  const configuration = ui.getConfigs();

  // A token that was typed into "Authorize" is not ours, and stays as it is.
  configuration.requestInterceptor = async (request) => {
    if (session && request.headers?.Authorization === header(session.tokens) && Date.now() >= session.replaceAt) {
      const tokens = await renewed();
      if (tokens) request.headers.Authorization = header(tokens);
    }
    return request;
  };

  configuration.responseInterceptor = (response) => {
    if (response.ok && ANSWER_WITH_TOKENS.test(response.url)) keep(JSON.parse(response.text));
    return response;
  };
})();
