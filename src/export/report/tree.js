/*
 * The tree of call stacks, made when a part of the report first needs it. A node comes after its
 * parent, so sums go up in one pass from the end. Sites come in the order of their stacks: each
 * says how many frames it shares with the one before, so most nodes are known from there; the hash
 * table finds those that another place in the same function has made.
 */
function callTree() {
  if (data.tree === undefined) data.tree = buildTree();
  return data.tree;
}

class NodeTable {
  constructor(most) {
    let slots = 16;
    while (slots < most * 2) slots *= 2;
    this.slots = new Uint32Array(slots);
    this.mask = slots - 1;
    this.parent = new Uint32Array(most);
    this.function = new Uint32Array(most);
    this.frame = new Uint32Array(most);
    this.process = new Uint32Array(most);
    this.count = 1; /* node 0 is the root */
  }
  /* The child of a node for a function; `number` of a process lies above all functions. */
  childOf(parent, number, frame, process) {
    let slot = ((Math.imul(parent, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b)) >>> 7) & this.mask;
    for (let node = this.slots[slot]; node !== 0; node = this.slots[slot]) {
      if (this.parent[node] === parent && this.function[node] === number) return node;
      slot = (slot + 1) & this.mask;
    }
    const made = this.count++;
    this.slots[slot] = made;
    this.parent[made] = parent;
    this.function[made] = number;
    this.frame[made] = frame;
    this.process[made] = process;
    return made;
  }
}

function buildTree() {
  const processes = new Set();
  for (let i = 0; i < data.siteCount; i++) processes.add(data.sites[i * SITE_WORDS + 1]);
  const table = new NodeTable(data.stacks.length + processes.size + 1);
  const leafOfSite = new Uint32Array(data.siteCount);
  const path = [],
    nodePath = [];
  let at = 0;
  for (let i = 0; i < data.siteCount; i++) {
    const shared = data.stacks[at],
      fresh = data.stacks[at + 1],
      process = data.sites[i * SITE_WORDS + 1];
    at += 2;
    path.length = nodePath.length = shared;
    const root = processes.size > 1 ? table.childOf(0, data.functions.length + process, 0, process) : 0;
    for (let k = 0; k < fresh; k++) {
      const frame = data.stacks[at++];
      nodePath.push(
        table.childOf(path.length === 0 ? root : nodePath[path.length - 1], data.functionOfFrame[frame], frame, 0),
      );
      path.push(frame);
    }
    /* Wrappers inside the function to blame are no part of the picture. */
    const culprit = path.lastIndexOf(culpritOfSite(i));
    leafOfSite[i] = culprit >= 0 ? nodePath[culprit] : path.length > 0 ? nodePath[path.length - 1] : root;
  }
  const count = table.count;
  const tree = {
    count,
    leafOfSite,
    parent: table.parent.slice(0, count),
    function: table.function.slice(0, count),
    frame: table.frame.slice(0, count),
    process: table.process.slice(0, count),
  };
  for (let node = 1; node < count; node++) if (tree.process[node] > 0) tree.function[node] = 0;
  listChildren(tree);
  markOutermost(tree);
  return tree;
}
/* Children of a node: `children` from `firstChild[node]` to `firstChild[node + 1]`. */
function listChildren(tree) {
  tree.firstChild = new Uint32Array(tree.count + 1);
  for (let node = 1; node < tree.count; node++) tree.firstChild[tree.parent[node] + 1]++;
  for (let node = 0; node < tree.count; node++) tree.firstChild[node + 1] += tree.firstChild[node];
  tree.children = new Uint32Array(tree.count);
  const fill = tree.firstChild.slice();
  for (let node = 1; node < tree.count; node++) tree.children[fill[tree.parent[node]]++] = node;
}
/* Nodes whose function is not on the way down to them already: recursion counts once. */
function markOutermost(tree) {
  tree.outermost = new Uint8Array(tree.count);
  const inside = new Uint32Array(data.functions.length);
  const stack = [0];
  while (stack.length > 0) {
    const entry = stack.pop();
    if (entry < 0) {
      inside[tree.function[~entry]]--;
      continue;
    }
    if (inside[tree.function[entry]]++ === 0) tree.outermost[entry] = 1;
    stack.push(~entry);
    for (let i = tree.firstChild[entry]; i < tree.firstChild[entry + 1]; i++) stack.push(tree.children[i]);
  }
}
/* One figure of all nodes, each with everything below it. */
function nodeSums(figure) {
  const tree = callTree(),
    figures = siteFiguresOf(view.focus),
    sums = new Float64Array(tree.count);
  for (let i = 0; i < data.siteCount; i++) sums[tree.leafOfSite[i]] += figures[i * FIGURES + figure];
  for (let node = tree.count - 1; node > 0; node--) sums[tree.parent[node]] += sums[node];
  return sums;
}

/* Of each function what it has itself, FIGURES wide; this needs no tree. */
function selfSums() {
  const figures = siteFiguresOf(view.focus),
    self = new Float64Array(data.functions.length * FIGURES);
  for (let i = 0; i < data.siteCount; i++) {
    const to = data.functionOfSite[i] * FIGURES;
    for (let f = 0; f < FIGURES; f++) self[to + f] += figures[i * FIGURES + f];
  }
  return self;
}
/* That, and what each has with all that it calls. */
function functionSums() {
  if (data.functionSums !== undefined && data.functionSums.focus === view.focus) return data.functionSums;
  const tree = callTree(),
    inclusive = new Float64Array(data.functions.length * FIGURES);
  for (let f = 0; f < (data.sampled ? FIGURES : NAMED_FIGURES); f++) {
    const sums = nodeSums(f);
    for (let node = 0; node < tree.count; node++)
      if (tree.outermost[node]) inclusive[tree.function[node] * FIGURES + f] += sums[node];
  }
  data.functionSums = { focus: view.focus, self: selfSums(), inclusive };
  return data.functionSums;
}
