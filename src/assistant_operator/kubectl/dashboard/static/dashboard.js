// Live pages: the server says that something changed, the page is fetched again and morphed into the new one.
"use strict";
(() => {
  const events = document.body.dataset.events;
  const connection = document.getElementById("connection");
  const RETRY = 1000;
  const LOST = "Connection lost: is “kubectl assistants dashboard” still running? Trying again every second.";
  const EXPIRED = "The dashboard was started again: open the URL that the command printed.";
  let source = null;
  let timer = 0;
  let loading = false;
  let again = false;

  function say(text) {
    if (connection.textContent !== text) connection.textContent = text;
    connection.hidden = !text;
  }

  // XMLHttpRequest returns a parsed document: no text becomes HTML here, as the policy of trusted types demands.
  function load(url, done) {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.timeout = 15000;
    request.onload = () => done(request.status, request.response);
    request.onerror = request.ontimeout = () => done(0, null);
    request.send();
  }

  const keep = {
    // What the reader opened or chose stays as it is.
    beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
    beforeNodeMorphed: (node) => !(node.tagName === "INPUT" && node.type === "radio"),
  };

  function refresh(whenDone) {
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    load(location.href, (status, page) => {
      loading = false;
      const main = page && page.querySelector("main");
      if (main && status !== 403) {
        Idiomorph.morph(document.querySelector("main"), main, { ignoreActiveValue: true, callbacks: keep });
        document.title = page.title;
      }
      if (whenDone) whenDone(status);
      if (again) {
        again = false;
        refresh();
      }
    });
  }

  function connect() {
    disconnect();
    source = new EventSource(events);
    source.onopen = () => say("");
    source.onmessage = () => refresh();
    source.onerror = () => {
      disconnect();
      refresh((status) => say(status === 403 ? EXPIRED : LOST));
      timer = setTimeout(connect, RETRY);
    };
  }

  function disconnect() {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  }

  if (events) {
    connect();
    // A browser opens six connections to a host: a page that is not visible must not hold one.
    document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  }

  let typing = 0;
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form || !form.matches("[data-filter]")) return;
    clearTimeout(typing);
    typing = setTimeout(() => {
      const chosen = new URLSearchParams(new FormData(form));
      for (const [name, value] of [...chosen]) if (!value) chosen.delete(name);
      history.replaceState(null, "", chosen.size ? `?${chosen}` : location.pathname);
      refresh();
    }, 200);
  });
})();
