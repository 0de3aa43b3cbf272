/*
 * Rust's standard library, hashbrown, tokio and crossbeam. Names of the older mangling tell the
 * parameters of a generic type by their letters only (Vec<T,A>): such a one is shown as Vec<?>.
 */
#include <stdio.h>
#include <string.h>

#include "analysis/type_rules.h"

/* How many of the type's parameters are its own, the rest being allocators and hashers. */
struct rule {
    const char *type_name;
    const char *public_name;
    unsigned parameters;
    enum ms_type_kind kind;
    enum ms_type_family family;
};

#define VEC    MS_KIND_VEC, MS_TYPE_FAMILY_CONTAINER
#define STRING MS_KIND_RUST_STRING, MS_TYPE_FAMILY_STRING
#define OS     MS_KIND_OS_STRING, MS_TYPE_FAMILY_STRING
#define BTREE  MS_KIND_BTREE, MS_TYPE_FAMILY_TREE
#define TABLE  MS_KIND_RAW_TABLE, MS_TYPE_FAMILY_HASH_MAP
#define RC     MS_KIND_RC, MS_TYPE_FAMILY_SMART_POINTER
#define IO     MS_KIND_IO_BUFFER, MS_TYPE_FAMILY_STREAM
#define TASK   MS_KIND_TASK, MS_TYPE_FAMILY_TASK
#define THREAD MS_KIND_RUST_THREAD, MS_TYPE_FAMILY_THREAD

static const struct rule types[] = {
    {"RawVecInner", "Vec or String", 0, MS_KIND_RAW_VEC, MS_TYPE_FAMILY_ARRAY},
    {"RawVec", "Vec", 1, VEC},
    {"Vec", "Vec", 1, VEC},
    {"String", "String", 0, STRING},
    {"OsString", "OsString", 0, OS},
    {"OsStr", "OsString", 0, OS},
    {"CString", "CString", 0, OS},
    {"PathBuf", "PathBuf", 0, OS},
    {"VecDeque", "VecDeque", 1, MS_KIND_VEC_DEQUE, MS_TYPE_FAMILY_CONTAINER},
    {"BinaryHeap", "BinaryHeap", 1, MS_KIND_BINARY_HEAP, MS_TYPE_FAMILY_CONTAINER},
    {"LinkedList", "LinkedList", 1, MS_KIND_LINKED_LIST, MS_TYPE_FAMILY_CONTAINER},
    {"Box", "Box", 1, MS_KIND_BOX, MS_TYPE_FAMILY_SMART_POINTER},
    {"Rc", "Rc", 1, RC},
    {"Arc", "Arc", 1, RC},
    {"RawTableInner", "HashMap<?>", 0, TABLE},
    {"RawTable", "HashMap", 1, TABLE},
    {"HashMap", "HashMap", 2, TABLE},
    {"HashSet", "HashSet", 1, TABLE},
    {"BTreeMap", "BTreeMap", 2, BTREE},
    {"BTreeSet", "BTreeSet", 1, BTREE},
    {"VacantEntry", "BTreeMap", 2, BTREE},
    {"LeafNode", "BTreeMap", 2, BTREE},
    {"InternalNode", "BTreeMap", 2, BTREE},
    {"BufReader", "BufReader", 1, IO},
    {"BufWriter", "BufWriter", 1, IO},
    {"LineWriter", "LineWriter", 1, IO},
};

/* Free functions and whole modules, by the beginning of the path joined by "::". */
static const struct rule places[] = {
    {"alloc::raw_vec::", "Vec or String", 0, MS_KIND_RAW_VEC, MS_TYPE_FAMILY_ARRAY},
    {"std::sys::os_str::", "OsString", 0, OS},
    {"alloc::vec::from_elem", "Vec", 1, VEC},
    {"alloc::slice::", "Vec<?>", 0, VEC},
    {"alloc::fmt::format", "String", 0, STRING},
    {"alloc::str::", "String", 0, STRING},
    {"std::io::append_to_string", "String", 0, STRING},
    {"std::fs::read_to_string", "String", 0, STRING},
    {"std::fs::read", "Vec<u8>", 0, VEC},
    {"std::sync::mpmc::", "mpsc::channel", 1, MS_KIND_CHANNEL, MS_TYPE_FAMILY_CHANNEL},
    {"std::sync::mpsc::", "mpsc::channel", 1, MS_KIND_CHANNEL, MS_TYPE_FAMILY_CHANNEL},
    {"crossbeam_channel::", "crossbeam_channel", 1, MS_KIND_CHANNEL, MS_TYPE_FAMILY_CHANNEL},
    {"tokio::sync::mpsc::", "tokio::sync::mpsc", 1, MS_KIND_CHANNEL, MS_TYPE_FAMILY_CHANNEL},
    {"tokio::runtime::task::", "tokio task", 1, TASK},
    {"tokio::task::spawn", "tokio task", 1, TASK},
    {"std::thread::", "std::thread", 0, THREAD},
    {"core::slice::sort::", "sort buffer", 0, MS_KIND_SORT, MS_TYPE_FAMILY_ARRAY},
};

/* Traits that are implemented for the program's types, but say what is made. */
static const struct rule traits[] = {
    {"ToString", "String", 0, STRING},     {"SpecToString", "String", 0, STRING},
    {"ToOwned", "String", 0, STRING},      {"ConvertVec", "Vec<?>", 0, VEC},
    {"SpecFromElem", "Vec<?>", 0, VEC},    {"SpecNewImpl", "CString", 0, OS},
    {"SpecToOsString", "OsString", 0, OS},
};

static bool is_space(const struct ms_symbol_path *path, const char *name)
{
    return path->count > 1 && ms_slice_is(path->parts[0].name, name);
}

static bool is_library(const struct ms_symbol_path *path)
{
    return is_space(path, "alloc") || is_space(path, "core") || is_space(path, "std") ||
           is_space(path, "hashbrown");
}

/* NAME<ARGUMENTS>, only the type's own ones; all of them untold: NAME<?>. */
static void set_name(struct ms_type_draft *draft, const struct rule *rule,
                     struct ms_slice arguments)
{
    size_t used = 0;
    bool told = false;
    for (size_t i = 0; i < rule->parameters; i++) {
        char text[MS_TYPE_TEXT_MAX];
        const struct ms_slice argument = ms_path_argument(arguments, i);
        (void)ms_type_text_rust(text, sizeof text, argument);
        if (argument.bytes == 0) {
            (void)snprintf(text, sizeof text, "?");
        }
        told = told || strcmp(text, "?") != 0;
        const int bytes = snprintf(draft->element + used, sizeof draft->element - used, "%s%s",
                                   i > 0 ? ", " : "", text);
        used += bytes > 0 && (size_t)bytes < sizeof draft->element - used ? (size_t)bytes : 0;
    }
    if (!told) {
        draft->element[0] = '\0';
    }
    if (rule->parameters == 0) {
        (void)snprintf(draft->name, sizeof draft->name, "%s", rule->public_name);
    } else {
        (void)snprintf(draft->name, sizeof draft->name, "%s<%.*s>", rule->public_name,
                       (int)(sizeof draft->name - 64), told ? draft->element : "?");
    }
}

static void use(struct ms_type_draft *draft, const struct rule *rule, struct ms_slice arguments)
{
    draft->role = MS_FRAME_TYPE;
    draft->kind = rule->kind;
    draft->family = rule->family;
    set_name(draft, rule, arguments);
    draft->sure = rule->parameters == 0 && rule->kind != MS_KIND_RAW_VEC;
}

/* A map of (): a set. And a box of a state machine is a task. */
static void refine(struct ms_type_draft *draft)
{
    static const struct rule hash_set = {"", "HashSet", 1, TABLE};
    static const struct rule btree_set = {"", "BTreeSet", 1, BTREE};
    const struct ms_slice element = ms_slice_of(draft->element);
    char key[MS_TYPE_TEXT_MAX];
    const struct ms_slice first = ms_path_argument(element, 0);
    (void)snprintf(key, sizeof key, "%.*s", (int)first.bytes, first.at);
    if (draft->kind == MS_KIND_RAW_TABLE && ms_slice_ends(element, ", ()")) {
        set_name(draft, &hash_set, ms_slice_of(key));
    } else if (draft->kind == MS_KIND_BTREE && ms_slice_ends(element, ", SetValZST")) {
        set_name(draft, &btree_set, ms_slice_of(key));
    }
    if (strstr(draft->element, "{async_") != NULL) {
        draft->family = MS_TYPE_FAMILY_TASK;
    }
}

/* RawTable<(K, V)> */
static struct ms_slice without_tuple(struct ms_slice arguments)
{
    const struct ms_slice tuple = ms_path_argument(arguments, 0);
    if (tuple.bytes >= 2 && tuple.at[0] == '(' && tuple.at[tuple.bytes - 1] == ')') {
        return (struct ms_slice){tuple.at + 1, tuple.bytes - 2};
    }
    return (struct ms_slice){tuple.at, 0};
}

/* NodeRef<BORROW, K, V, KIND>, also inside of Handle<...> */
static struct ms_slice node_types(const struct ms_path_part *part)
{
    struct ms_symbol_path node;
    struct ms_slice arguments = part->arguments;
    if (ms_slice_is(part->name, "Handle")) {
        ms_type_path_parse(&node, ms_path_argument(arguments, 0));
        if (node.count == 0) {
            return (struct ms_slice){arguments.at, 0};
        }
        arguments = node.parts[node.count - 1].arguments;
    }
    const struct ms_slice key = ms_path_argument(arguments, 1);
    const struct ms_slice value = ms_path_argument(arguments, 2);
    if (key.bytes == 0 || value.bytes == 0) {
        return (struct ms_slice){arguments.at, 0};
    }
    return (struct ms_slice){key.at, (size_t)(value.at + value.bytes - key.at)};
}

static bool type_rule(struct ms_type_draft *draft, const struct ms_symbol_path *path)
{
    static const struct rule table = {"", "HashMap", 2, TABLE};
    static const struct rule tree = {"", "BTreeMap", 2, BTREE};
    for (size_t part = 1; part < path->count; part++) {
        const struct ms_path_part *at = &path->parts[part];
        if (ms_slice_is(at->name, "RawTable")) {
            use(draft, &table, without_tuple(at->arguments));
            return true;
        }
        if (ms_slice_is(at->name, "NodeRef") || ms_slice_is(at->name, "Handle")) {
            use(draft, &tree, node_types(at));
            return true;
        }
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            if (ms_slice_is(at->name, types[i].type_name)) {
                use(draft, &types[i], at->arguments);
                return true;
            }
        }
    }
    return false;
}

static bool place_rule(struct ms_type_draft *draft, const struct ms_symbol_path *path)
{
    char joined[256] = "";
    size_t used = 0;
    struct ms_slice arguments = {"", 0};
    for (size_t i = 0; i < path->count; i++) {
        const struct ms_slice name = path->parts[i].name;
        const int bytes = snprintf(joined + used, sizeof joined - used, "%s%.*s", i > 0 ? "::" : "",
                                   (int)name.bytes, name.at);
        if (bytes < 0 || (size_t)bytes >= sizeof joined - used) {
            break;
        }
        used += (size_t)bytes;
        if (path->parts[i].arguments.bytes > 0 && name.bytes > 0) {
            arguments = path->parts[i].arguments;
        }
    }
    const struct ms_slice text = ms_slice_of(joined);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (ms_slice_starts(text, places[i].type_name)) {
            use(draft, &places[i], arguments);
            return true;
        }
    }
    return false;
}

static bool trait_rule(struct ms_type_draft *draft, const struct ms_symbol_path *path)
{
    struct ms_symbol_path trait;
    ms_type_path_parse(&trait, path->trait);
    if (trait.count == 0) {
        return false;
    }
    const struct ms_slice name = trait.parts[trait.count - 1].name;
    for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++) {
        if (ms_slice_is(name, traits[i].type_name)) {
            use(draft, &traits[i], (struct ms_slice){name.at, 0});
            return true;
        }
    }
    return false;
}

/* __rust_alloc, alloc::alloc::alloc, <Global as Allocator>::allocate, a box before it is filled */
static bool is_allocator(const struct ms_symbol_path *path)
{
    struct ms_symbol_path trait;
    const struct ms_slice member = path->parts[path->count - 1].name;
    if (ms_slice_starts(member, "__rust_") || ms_slice_starts(member, "__rdl_") ||
        ms_slice_starts(member, "__rg_") || ms_slice_is(path->parts[0].name, "__rustc")) {
        return true;
    }
    /* alloc::alloc, hashbrown::raw::alloc */
    for (size_t i = 1; is_library(path) && i + 1 < path->count && i < 3; i++) {
        if (ms_slice_is(path->parts[i].name, "alloc")) {
            return true;
        }
    }
    ms_type_path_parse(&trait, path->trait);
    return trait.count > 0 && (ms_slice_is(trait.parts[trait.count - 1].name, "Allocator") ||
                               ms_slice_is(trait.parts[trait.count - 1].name, "GlobalAlloc"));
}

static bool is_empty_box(const struct ms_symbol_path *path)
{
    const struct ms_slice member = path->parts[path->count - 1].name;
    return is_space(path, "alloc") &&
           (ms_slice_starts(member, "box_new") || ms_slice_is(member, "exchange_malloc"));
}

void ms_type_rules_rust(struct ms_type_draft *draft, const struct ms_symbol_path *path)
{
    static const struct rule box = {"", "Box", 1, MS_KIND_BOX, MS_TYPE_FAMILY_SMART_POINTER};
    if (path->count == 0) {
        return;
    }
    draft->language = MS_TYPE_LANGUAGE_RUST;
    if (is_empty_box(path)) {
        use(draft, &box, (struct ms_slice){"", 0});
        draft->role = MS_FRAME_ALLOCATOR;
        return;
    }
    if (is_allocator(path)) {
        draft->role = MS_FRAME_ALLOCATOR;
        return;
    }
    if (path->angled && ms_slice_starts(path->parts[0].name, "[")) { /* <[u8]>::to_vec */
        static const struct rule slice = {"", "Vec<?>", 0, VEC};
        use(draft, &slice, (struct ms_slice){"", 0});
        return;
    }
    const bool library = is_library(path);
    if ((library && type_rule(draft, path)) || place_rule(draft, path) || trait_rule(draft, path)) {
        refine(draft);
    } else if (library) {
        draft->role = MS_FRAME_LIBRARY;
    }
}
