/*
 * C++: libstdc++ and libc++. Both have the public class (std::map) and bases that do the work
 * (std::_Rb_tree, std::__1::__tree); a block belongs to the public one.
 */
#include <stdio.h>
#include <string.h>

#include "analysis/type_rules.h"

enum make {
    MAKE_ALL,    /* std::NAME<all arguments> */
    MAKE_FIRST,  /* std::NAME<first argument> */
    MAKE_FIXED,  /* std::NAME */
    MAKE_TREE,   /* std::_Rb_tree<K, V, SELECT, ...>, std::__1::__tree<V, ...> */
    MAKE_HASH,   /* std::_Hashtable<K, V, ...>, std::__1::__hash_table<V, ...> */
    MAKE_NODE,   /* allocator<std::_Hash_node<V, ...>> is the first argument */
    MAKE_SHARED, /* T or T* is the first argument */
    MAKE_BUFFER  /* T[], T the last argument but for those of the library */
};

struct rule {
    const char *class_name;
    const char *public_name;
    enum make make;
    enum ms_type_kind kind;
    enum ms_type_family family;
    bool sure; /* its functions run nobody else's code */
};

#define VECTOR MS_KIND_VECTOR, MS_TYPE_FAMILY_CONTAINER
#define TREE   MS_KIND_RB_TREE, MS_TYPE_FAMILY_TREE
#define HASH   MS_KIND_HASH_TABLE, MS_TYPE_FAMILY_HASH_MAP
#define SHARED MS_KIND_SHARED, MS_TYPE_FAMILY_SMART_POINTER
#define UNIQUE MS_KIND_UNIQUE, MS_TYPE_FAMILY_SMART_POINTER
#define FUTURE MS_KIND_FUTURE, MS_TYPE_FAMILY_TASK
#define REGEX  MS_KIND_REGEX, MS_TYPE_FAMILY_OBJECT
#define STREAM MS_KIND_STREAM, MS_TYPE_FAMILY_STREAM
#define LOCALE MS_KIND_LOCALE, MS_TYPE_FAMILY_RUNTIME

static const struct rule rules[] = {
    {"vector", "vector", MAKE_ALL, VECTOR, false},
    {"_Vector_base", "vector", MAKE_ALL, VECTOR, true},
    {"_Bvector_base", "vector<bool>", MAKE_FIXED, VECTOR, true},
    {"__vector_base", "vector", MAKE_ALL, VECTOR, true},
    {"__split_buffer", "vector", MAKE_FIRST, MS_KIND_SPLIT_BUFFER, MS_TYPE_FAMILY_CONTAINER, true},
    {"deque", "deque", MAKE_ALL, MS_KIND_DEQUE, MS_TYPE_FAMILY_CONTAINER, false},
    {"_Deque_base", "deque", MAKE_ALL, MS_KIND_DEQUE, MS_TYPE_FAMILY_CONTAINER, true},
    {"list", "list", MAKE_ALL, MS_KIND_LIST, MS_TYPE_FAMILY_CONTAINER, false},
    {"_List_base", "list", MAKE_ALL, MS_KIND_LIST, MS_TYPE_FAMILY_CONTAINER, true},
    {"__list_imp", "list", MAKE_ALL, MS_KIND_LIST, MS_TYPE_FAMILY_CONTAINER, true},
    {"forward_list", "forward_list", MAKE_ALL, MS_KIND_LIST, MS_TYPE_FAMILY_CONTAINER, false},
    {"_Fwd_list_base", "forward_list", MAKE_ALL, MS_KIND_LIST, MS_TYPE_FAMILY_CONTAINER, true},
    {"__forward_list_base", "forward_list", MAKE_ALL, MS_KIND_LIST, MS_TYPE_FAMILY_CONTAINER, true},
    {"basic_string", "basic_string", MAKE_ALL, MS_KIND_STRING, MS_TYPE_FAMILY_STRING, true},
    {"string", "string", MAKE_FIXED, MS_KIND_STRING, MS_TYPE_FAMILY_STRING, true},
    {"wstring", "wstring", MAKE_FIXED, MS_KIND_STRING, MS_TYPE_FAMILY_STRING, true},
    {"__str_concat", "string", MAKE_FIXED, MS_KIND_STRING, MS_TYPE_FAMILY_STRING, true},
    {"__libcpp_refstring", "string", MAKE_FIXED, MS_KIND_STRING, MS_TYPE_FAMILY_STRING, true},
    {"to_string", "string", MAKE_FIXED, MS_KIND_STRING, MS_TYPE_FAMILY_STRING, true},
    {"_Rb_tree", "", MAKE_TREE, TREE, false},
    {"__tree", "", MAKE_TREE, TREE, false},
    {"map", "map", MAKE_ALL, TREE, false},
    {"multimap", "multimap", MAKE_ALL, TREE, false},
    {"set", "set", MAKE_ALL, TREE, false},
    {"multiset", "multiset", MAKE_ALL, TREE, false},
    {"_Hashtable", "", MAKE_HASH, HASH, false},
    {"_Hashtable_alloc", "", MAKE_NODE, HASH, true},
    {"_ReuseOrAllocNode", "", MAKE_NODE, HASH, true},
    {"_AllocNode", "", MAKE_NODE, HASH, true},
    {"_Map_base", "", MAKE_HASH, HASH, false},
    {"_Insert_base", "", MAKE_HASH, HASH, false},
    {"_Insert", "", MAKE_HASH, HASH, false},
    {"__hash_table", "", MAKE_HASH, HASH, false},
    {"unordered_map", "unordered_map", MAKE_ALL, HASH, false},
    {"unordered_multimap", "unordered_multimap", MAKE_ALL, HASH, false},
    {"unordered_set", "unordered_set", MAKE_ALL, HASH, false},
    {"unordered_multiset", "unordered_multiset", MAKE_ALL, HASH, false},
    {"make_shared", "shared_ptr", MAKE_SHARED, SHARED, false},
    {"allocate_shared", "shared_ptr", MAKE_SHARED, SHARED, false},
    {"__make_shared", "shared_ptr", MAKE_SHARED, SHARED, false},
    {"__allocate_shared", "shared_ptr", MAKE_SHARED, SHARED, false},
    {"shared_ptr", "shared_ptr", MAKE_SHARED, SHARED, false},
    {"__shared_ptr", "shared_ptr", MAKE_SHARED, SHARED, false},
    {"__shared_count", "shared_ptr", MAKE_SHARED, SHARED, false},
    {"__shared_ptr_emplace", "shared_ptr", MAKE_SHARED, SHARED, false},
    {"make_unique", "unique_ptr", MAKE_FIRST, UNIQUE, false},
    {"make_unique_for_overwrite", "unique_ptr", MAKE_FIRST, UNIQUE, false},
    {"function", "function", MAKE_ALL, MS_KIND_FUNCTION, MS_TYPE_FAMILY_CLOSURE, false},
    {"_Function_base", "function", MAKE_FIXED, MS_KIND_FUNCTION, MS_TYPE_FAMILY_CLOSURE, false},
    {"_Function_handler", "function", MAKE_FIRST, MS_KIND_FUNCTION, MS_TYPE_FAMILY_CLOSURE, false},
    {"__value_func", "function", MAKE_FIRST, MS_KIND_FUNCTION, MS_TYPE_FAMILY_CLOSURE, false},
    {"move_only_function", "move_only_function", MAKE_FIRST, MS_KIND_FUNCTION,
     MS_TYPE_FAMILY_CLOSURE, false},
    {"__any_imp", "any", MAKE_FIXED, MS_KIND_ANY, MS_TYPE_FAMILY_OBJECT, false},
    {"any", "any", MAKE_FIXED, MS_KIND_ANY, MS_TYPE_FAMILY_OBJECT, false},
    {"promise", "promise", MAKE_ALL, FUTURE, false},
    {"packaged_task", "packaged_task", MAKE_ALL, FUTURE, false},
    {"__create_task_state", "packaged_task", MAKE_FIRST, FUTURE, false},
    {"async", "async", MAKE_FIXED, FUTURE, false},
    {"__make_async_assoc_state", "future", MAKE_FIRST, FUTURE, false},
    {"_Async_state_impl", "async", MAKE_FIXED, FUTURE, false},
    {"future", "future", MAKE_ALL, FUTURE, false},
    {"__future_base", "future", MAKE_FIXED, FUTURE, false},
    {"thread", "thread", MAKE_FIXED, MS_KIND_STD_THREAD, MS_TYPE_FAMILY_THREAD, false},
    {"__thread_struct", "thread", MAKE_FIXED, MS_KIND_STD_THREAD, MS_TYPE_FAMILY_THREAD, true},
    {"jthread", "thread", MAKE_FIXED, MS_KIND_STD_THREAD, MS_TYPE_FAMILY_THREAD, false},
    {"_Compiler", "regex", MAKE_FIXED, REGEX, true},
    {"_NFA", "regex", MAKE_FIXED, REGEX, true},
    {"_Scanner", "regex", MAKE_FIXED, REGEX, true},
    {"_Executor", "regex", MAKE_FIXED, REGEX, true},
    {"_BracketMatcher", "regex", MAKE_FIXED, REGEX, true},
    {"_StateSeq", "regex", MAKE_FIXED, REGEX, true},
    {"basic_regex", "regex", MAKE_FIXED, REGEX, true},
    {"regex_traits", "regex", MAKE_FIXED, REGEX, true},
    {"match_results", "match_results", MAKE_FIXED, REGEX, true},
    {"basic_stringbuf", "basic_stringbuf", MAKE_ALL, STREAM, true},
    {"basic_filebuf", "basic_filebuf", MAKE_ALL, STREAM, true},
    {"__basic_file", "basic_filebuf<char>", MAKE_FIXED, STREAM, true},
    {"ios_base", "ios_base", MAKE_FIXED, STREAM, true},
    {"locale", "locale", MAKE_FIXED, LOCALE, true},
    {"__numpunct_cache", "locale", MAKE_FIXED, LOCALE, true},
    {"__moneypunct_cache", "locale", MAKE_FIXED, LOCALE, true},
    {"collate", "locale", MAKE_FIXED, LOCALE, true},
    {"path", "filesystem::path", MAKE_FIXED, MS_KIND_PATH, MS_TYPE_FAMILY_STRING, true},
    {"_Temporary_buffer", "", MAKE_BUFFER, MS_KIND_TEMPORARY_BUFFER, MS_TYPE_FAMILY_ARRAY, true},
    {"get_temporary_buffer", "", MAKE_BUFFER, MS_KIND_TEMPORARY_BUFFER, MS_TYPE_FAMILY_ARRAY, true},
    {"valarray", "valarray", MAKE_ALL, VECTOR, false},
};

static const struct rule *rule_of(struct ms_slice name)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (ms_slice_is(name, rules[i].class_name)) {
            return &rules[i];
        }
    }
    return NULL;
}

static bool is_any(struct ms_slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ms_slice_is(name, names[i])) {
            return true;
        }
    }
    return false;
}
#define IS_ANY(name, names) is_any(name, names, sizeof(names) / sizeof((names)[0]))

/* NAME, then between < and > what is given. */
static void set_name(struct ms_type_draft *draft, const char *name, struct ms_slice arguments)
{
    char raw[MS_TYPE_TEXT_MAX * 4];
    (void)snprintf(raw, sizeof raw, "std::%s%s%.*s%s", name, arguments.bytes > 0 ? "<" : "",
                   (int)(arguments.bytes < sizeof raw / 2 ? arguments.bytes : sizeof raw / 2),
                   arguments.at, arguments.bytes > 0 ? ">" : "");
    (void)ms_type_text_cpp(draft->name, sizeof draft->name, ms_slice_of(raw));
    const char *open = strchr(draft->name, '<');
    const size_t bytes = strlen(draft->name);
    if (open != NULL && draft->name[bytes - 1] == '>') {
        (void)snprintf(draft->element, sizeof draft->element, "%.*s",
                       (int)(bytes - 1 - (size_t)(open + 1 - draft->name)), open + 1);
    } else if (arguments.bytes > 0) { /* std::string of basic_string<char, ...> */
        (void)ms_type_text_cpp(draft->element, sizeof draft->element,
                               ms_path_argument(arguments, 0));
    }
}

/* The arguments of the template `name` when `type` is one of it; empty: it is not. */
static struct ms_slice arguments_of(struct ms_slice type, const char *name)
{
    struct ms_symbol_path path;
    ms_type_path_parse(&path, type);
    if (path.count > 0 && ms_slice_is(path.parts[path.count - 1].name, name)) {
        return path.parts[path.count - 1].arguments;
    }
    return (struct ms_slice){type.at, 0};
}

static struct ms_slice without_const(struct ms_slice type)
{
    if (ms_slice_ends(type, " const")) {
        type.bytes -= strlen(" const");
    }
    return type;
}

/* `value` of a tree or hash table: std::pair<K const, V> is a map's, a plain one a set's. */
static void set_associative(struct ms_type_draft *draft, const char *map, const char *set,
                            struct ms_slice key, struct ms_slice value)
{
    char both[MS_TYPE_TEXT_MAX * 2];
    struct ms_slice pair = arguments_of(value, "pair");
    if (pair.bytes == 0) {
        pair = arguments_of(value, "__value_type");
    }
    if (pair.bytes == 0) {
        pair = arguments_of(value, "__hash_value_type");
    }
    const struct ms_slice first = without_const(ms_path_argument(pair, 0));
    const bool is_map =
        pair.bytes > 0 &&
        (key.bytes == 0 || (first.bytes == key.bytes && memcmp(first.at, key.at, key.bytes) == 0));
    if (!is_map) {
        set_name(draft, set, value);
        return;
    }
    const struct ms_slice second = ms_path_argument(pair, 1);
    (void)snprintf(both, sizeof both, "%.*s, %.*s", (int)first.bytes, first.at, (int)second.bytes,
                   second.at);
    set_name(draft, map, ms_slice_of(both));
}

static struct ms_slice without_pointer(struct ms_slice type)
{
    while (type.bytes > 0 && (type.at[type.bytes - 1] == '*' || type.at[type.bytes - 1] == '&' ||
                              type.at[type.bytes - 1] == ' ')) {
        type.bytes--;
    }
    return without_const(type);
}

static void set_buffer(struct ms_type_draft *draft, const struct ms_path_part *part)
{
    struct ms_slice type = ms_path_argument(part->arguments, 1);
    if (type.bytes == 0) {
        type = ms_path_argument(part->arguments, 0);
    }
    char text[MS_TYPE_TEXT_MAX / 2];
    (void)ms_type_text_cpp(text, sizeof text, type);
    (void)snprintf(draft->name, sizeof draft->name, "%s[] (temporary buffer)", text);
    (void)snprintf(draft->element, sizeof draft->element, "%s", text);
}

static void make(struct ms_type_draft *draft, const struct rule *rule,
                 const struct ms_path_part *part, const struct ms_path_part *member)
{
    const struct ms_slice arguments = part->arguments;
    const struct ms_slice none = {arguments.at, 0};
    const struct ms_slice first = ms_path_argument(arguments, 0);
    switch (rule->make) {
    case MAKE_ALL:
        set_name(draft, rule->public_name, arguments);
        break;
    case MAKE_FIRST:
        set_name(draft, rule->public_name, first);
        break;
    case MAKE_FIXED:
        set_name(draft, rule->public_name, none);
        break;
    case MAKE_TREE: {
        const bool libcpp = ms_slice_is(part->name, "__tree");
        set_associative(draft, "map", "set", libcpp ? none : first,
                        libcpp ? first : ms_path_argument(arguments, 1));
        break;
    }
    case MAKE_HASH: {
        const bool libcpp = ms_slice_is(part->name, "__hash_table");
        set_associative(draft, "unordered_map", "unordered_set", libcpp ? none : first,
                        libcpp ? first : ms_path_argument(arguments, 1));
        break;
    }
    case MAKE_NODE:
        set_associative(
            draft, "unordered_map", "unordered_set", none,
            ms_path_argument(
                arguments_of(ms_path_argument(arguments_of(first, "allocator"), 0), "_Hash_node"),
                0));
        break;
    case MAKE_SHARED:
        /* __shared_count<LOCK>::__shared_count<T...>: the policy says nothing */
        set_name(draft, rule->public_name,
                 without_pointer(ms_slice_is(part->name, "__shared_count")
                                     ? ms_path_argument(member->arguments, 0)
                                     : first));
        break;
    case MAKE_BUFFER:
        set_buffer(draft, part);
        break;
    }
}

/* Functions that run what the program put into them: the block is none of theirs. */
static bool runs_code(enum ms_type_kind kind, struct ms_slice member)
{
    if (kind != MS_KIND_FUNCTION && kind != MS_KIND_FUTURE && kind != MS_KIND_STD_THREAD) {
        return false;
    }
    static const char *const names[] = {"_M_invoke",       "_M_run",       "operator()",
                                        "_S_invoke",       "__invoke",     "__execute",
                                        "_M_run_deferred", "_M_set_result"};
    return IS_ANY(member, names);
}

/* Whose elements can be made without a constructor that allocates. */
static bool is_plain(const char *element)
{
    static const char *const words[] = {"char",
                                        "bool",
                                        "short",
                                        "int",
                                        "long",
                                        "long long",
                                        "unsigned char",
                                        "unsigned short",
                                        "unsigned int",
                                        "unsigned long",
                                        "unsigned long long",
                                        "float",
                                        "double",
                                        "long double",
                                        "wchar_t",
                                        "signed char"};
    const struct ms_slice slice = ms_slice_of(element);
    return IS_ANY(slice, words) || ms_slice_ends(slice, "*");
}

/* Members that allocate and do nothing else. */
static bool only_allocates(struct ms_slice member)
{
    static const char *const names[] = {"_M_allocate",       "_M_create_storage",
                                        "_M_get_node",       "_M_allocate_node",
                                        "_M_allocate_map",   "_M_allocate_buckets",
                                        "_M_initialize_map", "_M_reallocate_map",
                                        "__allocate",        "__vallocate",
                                        "_M_create",         "_M_rehash_aux",
                                        "_M_rehash",         "rehash",
                                        "__rehash",          "__construct_node_hash"};
    return IS_ANY(member, names);
}

/* std::allocator<T>::allocate and kin: T, or the container that T is a node of. */
static void allocator_of(struct ms_type_draft *draft, struct ms_slice type)
{
    static const struct {
        const char *node;
        const char *public_name;
        enum ms_type_kind kind;
        enum ms_type_family family;
    } nodes[] = {
        {"_List_node", "list", MS_KIND_LIST, MS_TYPE_FAMILY_CONTAINER},
        {"__list_node", "list", MS_KIND_LIST, MS_TYPE_FAMILY_CONTAINER},
        {"_Fwd_list_node", "forward_list", MS_KIND_LIST, MS_TYPE_FAMILY_CONTAINER},
        {"_Sp_counted_ptr_inplace", "shared_ptr", SHARED},
        {"__shared_ptr_emplace", "shared_ptr", SHARED},
    };
    draft->role = MS_FRAME_ALLOCATOR;
    if (type.bytes == 0) {
        return;
    }
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        const struct ms_slice inside = arguments_of(type, nodes[i].node);
        if (inside.bytes > 0) {
            draft->kind = nodes[i].kind;
            draft->family = nodes[i].family;
            set_name(draft, nodes[i].public_name, ms_path_argument(inside, 0));
            return;
        }
    }
    const struct ms_slice none = {type.at, 0};
    struct ms_slice inside = arguments_of(type, "_Rb_tree_node");
    inside = inside.bytes > 0 ? inside : arguments_of(type, "__tree_node");
    if (inside.bytes > 0) {
        draft->kind = MS_KIND_RB_TREE;
        draft->family = MS_TYPE_FAMILY_TREE;
        set_associative(draft, "map", "set", none, ms_path_argument(inside, 0));
        return;
    }
    inside = arguments_of(type, "_Hash_node");
    inside = inside.bytes > 0 ? inside : arguments_of(type, "__hash_node");
    if (inside.bytes > 0) {
        draft->kind = MS_KIND_HASH_TABLE;
        draft->family = MS_TYPE_FAMILY_HASH_MAP;
        set_associative(draft, "unordered_map", "unordered_set", none, ms_path_argument(inside, 0));
        return;
    }
    draft->family = MS_TYPE_FAMILY_ARRAY;
    (void)ms_type_text_cpp(draft->element, sizeof draft->element / 2, type);
    (void)snprintf(draft->name, sizeof draft->name, "%.300s[] (std::allocator)", draft->element);
}

static bool is_allocator_part(struct ms_slice name)
{
    static const char *const names[] = {"allocator",
                                        "__new_allocator",
                                        "new_allocator",
                                        "allocator_traits",
                                        "__alloc_traits",
                                        "malloc_allocator",
                                        "__libcpp_allocate",
                                        "__libcpp_operator_new",
                                        "__allocate_guarded",
                                        "__allocated_ptr",
                                        "__allocation_guard",
                                        "polymorphic_allocator",
                                        "pmr"};
    return IS_ANY(name, names);
}

static bool constructs(struct ms_slice member)
{
    return ms_slice_is(member, "construct") || ms_slice_starts(member, "_S_construct");
}

/* T of allocator<T> or allocator_traits<allocator<T>>. */
static struct ms_slice allocated_type(const struct ms_path_part *part)
{
    const struct ms_slice first = ms_path_argument(part->arguments, 0);
    if (ms_slice_ends(part->name, "_traits")) {
        return ms_path_argument(arguments_of(first, "allocator"), 0);
    }
    static const char *const guards[] = {"__allocate_guarded", "__allocated_ptr",
                                         "__libcpp_operator_new", "__allocation_guard"};
    if (IS_ANY(part->name, guards)) {
        return (struct ms_slice){first.at, 0};
    }
    return first;
}

static void standard_library(struct ms_type_draft *draft, const struct ms_symbol_path *path)
{
    const struct ms_path_part *member = &path->parts[path->count - 1];
    draft->role = MS_FRAME_LIBRARY;
    for (size_t i = 1; i < path->count; i++) {
        const struct ms_path_part *part = &path->parts[i];
        if (is_allocator_part(part->name)) {
            if (!constructs(member->name)) {
                allocator_of(draft, allocated_type(part));
            }
            return;
        }
        const struct rule *rule = rule_of(part->name);
        if (rule == NULL) {
            continue;
        }
        /* What a stream's text is copied into is the caller's. */
        const bool copy = rule->kind == MS_KIND_STREAM && ms_slice_is(member->name, "str");
        if (runs_code(rule->kind, member->name) || copy) {
            return;
        }
        draft->role = MS_FRAME_TYPE;
        draft->kind = rule->kind;
        draft->family = rule->family;
        make(draft, rule, part, member);
        draft->sure = rule->sure || only_allocates(member->name) || is_plain(draft->element);
        return;
    }
}

/* "shop::Order::operator new(unsigned long)" */
static void own_new(struct ms_type_draft *draft, const struct ms_symbol_path *path)
{
    const struct ms_path_part *last = &path->parts[path->count - 2];
    const char *begin = path->parts[0].name.at;
    const char *end = last->arguments.bytes > 0 ? last->arguments.at + last->arguments.bytes + 1
                                                : last->name.at + last->name.bytes;
    draft->role = MS_FRAME_TYPE;
    draft->kind = MS_KIND_CLASS;
    draft->family = MS_TYPE_FAMILY_OBJECT;
    (void)ms_type_text_cpp(draft->name, sizeof draft->name,
                           (struct ms_slice){begin, (size_t)(end - begin)});
}

/*
 * Debug information names what was made from local types by the last part alone, and the arguments
 * of a constructor are not those of its class: "function<main()::<lambda()> >". What is no class
 * that is known is part of one further out.
 */
static void unqualified(struct ms_type_draft *draft, const struct ms_path_part *part)
{
    static const char *const told[] = {"make_shared",       "allocate_shared", "make_unique",
                                       "__allocate_shared", "__make_shared",   "__shared_count"};
    if (constructs(part->name) || ms_slice_is(part->name, "_Construct")) {
        draft->role = MS_FRAME_LIBRARY;
        return;
    }
    const struct rule *rule = rule_of(part->name);
    if (rule == NULL || runs_code(rule->kind, part->name)) {
        draft->role = MS_FRAME_ALLOCATOR;
        return;
    }
    draft->role = MS_FRAME_TYPE;
    draft->kind = rule->kind;
    draft->family = rule->family;
    draft->sure = rule->sure;
    if (IS_ANY(part->name, told)) {
        make(draft, rule, part, part);
    } else {
        set_name(draft, rule->public_name, (struct ms_slice){"", 0});
    }
}

void ms_type_rules_cpp(struct ms_type_draft *draft, const struct ms_symbol_path *path,
                       bool in_library)
{
    if (path->count == 0) {
        return;
    }
    draft->language = MS_TYPE_LANGUAGE_CPP;
    const struct ms_path_part *member = &path->parts[path->count - 1];
    if (ms_slice_starts(member->name, "operator new")) {
        if (path->count == 1) {
            draft->role = MS_FRAME_ALLOCATOR;
        } else {
            own_new(draft, path);
        }
        return;
    }
    const struct ms_slice space = path->parts[0].name;
    if (path->count > 1 && (ms_slice_is(space, "std") || ms_slice_is(space, "__gnu_cxx"))) {
        standard_library(draft, path);
        return;
    }
    if (in_library && path->count == 1) {
        unqualified(draft, member);
        return;
    }
    /* An allocator of the program's own: Pool<T>::allocate(unsigned long). */
    if (path->count > 1 && ms_slice_is(member->name, "allocate") &&
        path->parts[path->count - 2].arguments.bytes > 0) {
        allocator_of(draft, ms_path_argument(path->parts[path->count - 2].arguments, 0));
    }
}
