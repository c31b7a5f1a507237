/* Native form fields as one Dash component: a browser's own date, range, number, check box, list and file fields are
   labelled, work by keyboard and speak to screen readers; no library is needed. Values leave at most every 150 ms. */
(function () {
  "use strict";
  const WAIT = 150;
  const h = (...args) => window.React.createElement(...args);

  function domId(id) {
    if (typeof id !== "object" || id === null) return id;
    const keys = Object.keys(id).sort();
    return "{" + keys.map((k) => JSON.stringify(k) + ":" + JSON.stringify(id[k])).join(",") + "}";
  }

  function useSlowly(setProps) {
    const timer = window.React.useRef(null);
    return (props, now) => {
      window.clearTimeout(timer.current);
      if (now) setProps(props);
      else timer.current = window.setTimeout(() => setProps(props), WAIT);
    };
  }

  function shown(value, props) {
    if (value === null || value === undefined || value === "") return "";
    if (props.labels) return props.labels[Number(value)] || "";
    const digits = props.step && props.step < 1 ? Math.min(6, Math.ceil(-Math.log10(props.step) - 1e-9)) : 0;
    const number = props.percent ? 100 * value : Number(value);
    const text = number.toLocaleString(props.lang === "es" ? "es-MX" : "en-US", {
      maximumFractionDigits: props.percent ? (number < 10 ? 1 : 0) : digits, useGrouping: true });
    const spaced = props.lang === "es" ? text.replace(/,/g, "\u00a0").replace(/\.(\d+)$/, ",$1") : text;
    return spaced + (props.percent ? "\u00a0%" : props.unit ? " " + props.unit : "");
  }

  function readFile(event, props) {
    const file = event.target.files[0];
    event.target.value = "";
    if (!file) return;
    if (props.most && file.size > props.most) {
      props.setProps({ contents: null, filename: file.name, size: file.size, moment: Date.now() });
      return;
    }
    const reader = new FileReader();
    reader.onload = () => props.setProps({
      contents: String(reader.result).split(",")[1] || "", filename: file.name, size: file.size, moment: Date.now() });
    reader.readAsDataURL(file);
  }

  function Field(props) {
    const [value, setValue] = window.React.useState(props.value);
    const send = useSlowly(props.setProps);
    window.React.useEffect(() => setValue(props.value), [props.value]);
    const id = domId(props.id);
    const told = props.hint ? id + "-hint" : undefined;
    const label = h("label", { key: "l", htmlFor: id, className: props.quiet ? "hidden" : undefined }, props.label);
    const common = { key: "i", id: id, disabled: props.disabled || undefined, "aria-describedby": told };
    let input;
    if (props.kind === "select") {
      input = h("select", { ...common, value: value ?? "", onChange: (e) => {
        setValue(e.target.value); send({ value: e.target.value }, true); } },
        (props.options || []).map((o) => o.options
          ? h("optgroup", { key: o.label, label: o.label }, o.options.map((p) => h("option", { key: p.value, value: p.value }, p.label)))
          : h("option", { key: o.value, value: o.value }, o.label)));
    } else if (props.kind === "checkbox") {
      input = h("input", { ...common, type: "checkbox", checked: !!value, onChange: (e) => {
        setValue(e.target.checked); send({ value: e.target.checked }, true); } });
    } else if (props.kind === "file") {
      input = h("input", { ...common, type: "file", accept: props.accept, onChange: (e) => readFile(e, props) });
    } else {
      const number = props.kind === "range" || props.kind === "number";
      input = h("input", { ...common, type: props.kind, value: value ?? "", min: props.min, max: props.max,
        step: number ? props.step || "any" : undefined,
        maxLength: props.kind === "text" ? 120 : undefined,
        "aria-valuetext": props.kind === "range" ? shown(value, props) : undefined,
        onChange: (e) => {
          setValue(e.target.value);
          const given = e.target.value;
          send({ value: number ? (given === "" ? null : Number(given)) : given });
        } });
    }
    const output = props.kind === "range" ? h("output", { key: "o", htmlFor: id }, shown(value, props)) : null;
    const hint = props.hint ? h("p", { key: "h", id: told, className: "hint" }, props.hint) : null;
    const order = props.kind === "checkbox" ? [input, label, hint] : [label, input, output, hint];
    return h("div", { className: "field field-" + props.kind + (props.className ? " " + props.className : "") }, order);
  }
  Field.defaultProps = {};

  /* A progress bar of the browser, with words for screen readers. */
  function Bar(props) {
    return h("progress", { id: domId(props.id), max: 1, value: props.value ?? 0, "aria-label": props.label });
  }

  window.travesia_parts = { Field: Field, Bar: Bar };

  window.dash_clientside = Object.assign({}, window.dash_clientside, { travesia: {
    focus: function (_signal, target) {
      window.setTimeout(() => {
        const found = document.getElementById(target);
        if (found) { found.focus({ preventScroll: false }); found.scrollIntoView({ block: "nearest" }); }
      }, 60);
      return window.dash_clientside.no_update;
    },
  } });
})();
