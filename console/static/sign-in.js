// Signs in with an administrator's access token.
const byId = (id) => document.getElementById(id);

byId("why").hidden = !location.search.includes("refused");
byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("problem").textContent = "";
  const token = byId("token").value.trim();
  try {
    const answer = await fetch("/api/sign-in", { method: "POST", headers: { authorization: `Bearer ${token}` } });
    if (answer.ok) location.replace("/");
    else byId("problem").textContent = (await answer.json()).detail;
  } catch {
    byId("problem").textContent = "The console does not answer, or the token has characters that no token has.";
  }
});
