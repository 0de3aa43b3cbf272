/* C: functions of libc, GLib and zlib that allocate one kind of thing; malloc itself has no type.
 */
#include <string.h>

#include "analysis/type_rules.h"

struct rule {
    const char *prefix; /* $ at its end: the whole name */
    const char *name;
    enum ms_type_family family;
};

/* In the order in which they are tried. */
static const struct rule libc[] = {
    {"strdup$", "C string", MS_TYPE_FAMILY_C_STRING},
    {"strndup$", "C string", MS_TYPE_FAMILY_C_STRING},
    {"wcsdup$", "C string", MS_TYPE_FAMILY_C_STRING},
    {"asprintf", "C string", MS_TYPE_FAMILY_C_STRING},
    {"vasprintf", "C string", MS_TYPE_FAMILY_C_STRING},
    {"getdelim$", "getline buffer", MS_TYPE_FAMILY_C_STRING},
    {"getline$", "getline buffer", MS_TYPE_FAMILY_C_STRING},
    {"getcwd$", "C string", MS_TYPE_FAMILY_C_STRING},
    {"realpath", "C string", MS_TYPE_FAMILY_C_STRING},
    {"canonicalize_file_name$", "C string", MS_TYPE_FAMILY_C_STRING},
    {"fopen", "FILE", MS_TYPE_FAMILY_STREAM},
    {"fdopen$", "FILE", MS_TYPE_FAMILY_STREAM},
    {"popen$", "FILE", MS_TYPE_FAMILY_STREAM},
    {"fmemopen$", "FILE", MS_TYPE_FAMILY_STREAM},
    {"open_memstream$", "FILE", MS_TYPE_FAMILY_STREAM},
    {"open_wmemstream$", "FILE", MS_TYPE_FAMILY_STREAM},
    {"tmpfile", "FILE", MS_TYPE_FAMILY_STREAM},
    {"file_doallocate$", "FILE buffer", MS_TYPE_FAMILY_STREAM},
    {"wfile_doallocate$", "FILE buffer", MS_TYPE_FAMILY_STREAM},
    {"str_overflow$", "FILE buffer", MS_TYPE_FAMILY_STREAM},
    {"mem_finish$", "FILE buffer", MS_TYPE_FAMILY_STREAM},
    {"opendir$", "DIR", MS_TYPE_FAMILY_STREAM},
    {"fdopendir$", "DIR", MS_TYPE_FAMILY_STREAM},
    {"alloc_dir$", "DIR", MS_TYPE_FAMILY_STREAM},
    {"scandir", "dirent list", MS_TYPE_FAMILY_ARRAY},
    {"glob", "glob_t", MS_TYPE_FAMILY_ARRAY},
    {"regcomp$", "regex_t", MS_TYPE_FAMILY_OBJECT},
    {"re_compile", "regex_t", MS_TYPE_FAMILY_OBJECT},
    {"qsort", "sort buffer", MS_TYPE_FAMILY_ARRAY},
    {"tsearch$", "tsearch node", MS_TYPE_FAMILY_TREE},
    {"hcreate_r$", "hsearch table", MS_TYPE_FAMILY_HASH_MAP},
    {"getaddrinfo$", "addrinfo", MS_TYPE_FAMILY_OBJECT},
    {"gaih_inet", "addrinfo", MS_TYPE_FAMILY_OBJECT},
    {"iconv_open$", "iconv_t", MS_TYPE_FAMILY_OBJECT},
    {"gconv", "iconv_t", MS_TYPE_FAMILY_OBJECT},
    {"setlocale$", "locale", MS_TYPE_FAMILY_RUNTIME},
    {"newlocale$", "locale", MS_TYPE_FAMILY_RUNTIME},
    {"nl_load", "locale", MS_TYPE_FAMILY_RUNTIME},
    {"nl_intern_locale", "locale", MS_TYPE_FAMILY_RUNTIME},
    {"bindtextdomain", "message catalogue", MS_TYPE_FAMILY_RUNTIME},
    {"textdomain", "message catalogue", MS_TYPE_FAMILY_RUNTIME},
    {"dcigettext", "message catalogue", MS_TYPE_FAMILY_RUNTIME},
    {"tzset", "time zone", MS_TYPE_FAMILY_RUNTIME},
    {"tzfile_read", "time zone", MS_TYPE_FAMILY_RUNTIME},
    {"setenv$", "environment", MS_TYPE_FAMILY_RUNTIME},
    {"putenv$", "environment", MS_TYPE_FAMILY_RUNTIME},
    {"add_to_environ$", "environment", MS_TYPE_FAMILY_RUNTIME},
    {"new_exitfn$", "exit handlers", MS_TYPE_FAMILY_RUNTIME},
    {"cxa_atexit", "exit handlers", MS_TYPE_FAMILY_RUNTIME},
    {"cxa_thread_atexit", "exit handlers", MS_TYPE_FAMILY_RUNTIME},
    {"cxa_allocate_exception$", "C++ exception", MS_TYPE_FAMILY_EXCEPTION},
    {"cxa_allocate_dependent_exception$", "C++ exception", MS_TYPE_FAMILY_EXCEPTION},
    {"cxa_get_globals", "C++ exception", MS_TYPE_FAMILY_EXCEPTION},
    {"pthread_create", "thread stack and TLS", MS_TYPE_FAMILY_THREAD},
    {"allocate_stack$", "thread stack and TLS", MS_TYPE_FAMILY_THREAD},
    {"allocate_dtv$", "thread stack and TLS", MS_TYPE_FAMILY_THREAD},
    {"dl_allocate_tls", "thread stack and TLS", MS_TYPE_FAMILY_THREAD},
    {"tls_get_addr", "thread stack and TLS", MS_TYPE_FAMILY_THREAD},
    {"pthread_getattr_np$", "pthread_attr_t", MS_TYPE_FAMILY_THREAD},
    {"pthread_attr_", "pthread_attr_t", MS_TYPE_FAMILY_THREAD},
    {"dl_", "dynamic loader", MS_TYPE_FAMILY_RUNTIME},
    {"deflateInit", "z_stream state", MS_TYPE_FAMILY_OBJECT},
    {"inflateInit", "z_stream state", MS_TYPE_FAMILY_OBJECT},
    {"gzopen", "gzFile", MS_TYPE_FAMILY_STREAM},
};

static const struct rule glib[] = {
    {"g_strdup", "C string (GLib)", MS_TYPE_FAMILY_C_STRING},
    {"g_strndup$", "C string (GLib)", MS_TYPE_FAMILY_C_STRING},
    {"g_strconcat$", "C string (GLib)", MS_TYPE_FAMILY_C_STRING},
    {"g_strjoin", "C string (GLib)", MS_TYPE_FAMILY_C_STRING},
    {"g_strsplit", "C string (GLib)", MS_TYPE_FAMILY_C_STRING},
    {"g_utf8_", "C string (GLib)", MS_TYPE_FAMILY_C_STRING},
    {"g_build_", "C string (GLib)", MS_TYPE_FAMILY_C_STRING},
    {"g_string_", "GString", MS_TYPE_FAMILY_STRING},
    {"g_hash_table_", "GHashTable", MS_TYPE_FAMILY_HASH_MAP},
    {"g_slist_", "GSList", MS_TYPE_FAMILY_CONTAINER},
    {"g_list_", "GList", MS_TYPE_FAMILY_CONTAINER},
    {"g_queue_", "GQueue", MS_TYPE_FAMILY_CONTAINER},
    {"g_ptr_array_", "GPtrArray", MS_TYPE_FAMILY_CONTAINER},
    {"g_byte_array_", "GByteArray", MS_TYPE_FAMILY_CONTAINER},
    {"g_array_", "GArray", MS_TYPE_FAMILY_CONTAINER},
    {"g_sequence_", "GSequence", MS_TYPE_FAMILY_TREE},
    {"g_tree_", "GTree", MS_TYPE_FAMILY_TREE},
    {"g_node_", "GNode", MS_TYPE_FAMILY_TREE},
    {"g_bytes_", "GBytes", MS_TYPE_FAMILY_ARRAY},
    {"g_variant_", "GVariant", MS_TYPE_FAMILY_OBJECT},
    {"g_type_create_instance$", "GObject", MS_TYPE_FAMILY_OBJECT},
    {"g_object_new", "GObject", MS_TYPE_FAMILY_OBJECT},
    {"g_object_", "GObject data", MS_TYPE_FAMILY_OBJECT},
    {"g_type_", "GType", MS_TYPE_FAMILY_RUNTIME},
    {"g_param_spec", "GParamSpec", MS_TYPE_FAMILY_RUNTIME},
    {"g_value_", "GValue", MS_TYPE_FAMILY_OBJECT},
    {"g_closure_", "GClosure", MS_TYPE_FAMILY_CLOSURE},
    {"g_cclosure_", "GClosure", MS_TYPE_FAMILY_CLOSURE},
    {"g_signal_", "GSignal", MS_TYPE_FAMILY_RUNTIME},
    {"g_quark_", "GQuark", MS_TYPE_FAMILY_RUNTIME},
    {"g_intern_", "GQuark", MS_TYPE_FAMILY_RUNTIME},
    {"g_error_", "GError", MS_TYPE_FAMILY_OBJECT},
    {"g_set_error", "GError", MS_TYPE_FAMILY_OBJECT},
    {"g_source_", "GSource", MS_TYPE_FAMILY_OBJECT},
    {"g_idle_", "GSource", MS_TYPE_FAMILY_OBJECT},
    {"g_timeout_", "GSource", MS_TYPE_FAMILY_OBJECT},
    {"g_main_", "GMainContext", MS_TYPE_FAMILY_OBJECT},
    {"g_thread_pool_", "GThreadPool", MS_TYPE_FAMILY_THREAD},
    {"g_thread_", "GThread", MS_TYPE_FAMILY_THREAD},
    {"g_private_", "GThread", MS_TYPE_FAMILY_THREAD},
    {"g_mutex_", "GMutex", MS_TYPE_FAMILY_OBJECT},
    {"g_rec_mutex_", "GMutex", MS_TYPE_FAMILY_OBJECT},
    {"g_cond_", "GCond", MS_TYPE_FAMILY_OBJECT},
    {"g_async_queue_", "GAsyncQueue", MS_TYPE_FAMILY_CHANNEL},
    {"g_key_file_", "GKeyFile", MS_TYPE_FAMILY_OBJECT},
    {"g_regex_", "GRegex", MS_TYPE_FAMILY_OBJECT},
    {"g_date_time_", "GDateTime", MS_TYPE_FAMILY_OBJECT},
    {"g_time_zone_", "GTimeZone", MS_TYPE_FAMILY_OBJECT},
    {"g_io_channel_", "GIOChannel", MS_TYPE_FAMILY_STREAM},
    {"g_option_", "GOptionContext", MS_TYPE_FAMILY_OBJECT},
};

static bool fits(const char *function, const char *prefix)
{
    const size_t bytes = strlen(prefix);
    if (bytes > 0 && prefix[bytes - 1] == '$') {
        return strlen(function) == bytes - 1 && memcmp(function, prefix, bytes - 1) == 0;
    }
    return strncmp(function, prefix, bytes) == 0;
}

static const struct rule *rule_of(const struct rule *rules, size_t count, const char *function)
{
    for (size_t i = 0; i < count; i++) {
        if (fits(function, rules[i].prefix)) {
            return &rules[i];
        }
    }
    return NULL;
}

/* "__GI__IO_file_doallocate" -> "file_doallocate": glibc has several names for one function. */
static const char *without_decoration(const char *function)
{
    static const char *const prefixes[] = {"__GI_", "_IO_", "__IO_"};
    const char *at = function;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(at, prefixes[i], strlen(prefixes[i])) == 0) {
            at += strlen(prefixes[i]);
        }
    }
    if (strncmp(at, "_IO_", strlen("_IO_")) == 0) {
        at += strlen("_IO_");
    }
    while (*at == '_') {
        at++;
    }
    return at;
}

static bool is_glib_allocator(const char *function)
{
    static const char *const prefixes[] = {"g_malloc",  "g_realloc",       "g_try_",
                                           "g_slice_",  "g_memdup",        "g_aligned_alloc",
                                           "g_rc_box_", "g_atomic_rc_box_"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (fits(function, prefixes[i])) {
            return true;
        }
    }
    return false;
}

static void use(struct ms_type_draft *draft, const struct rule *rule)
{
    draft->role = MS_FRAME_TYPE;
    draft->kind = strcmp(rule->name, "GObject") == 0 ? MS_KIND_GOBJECT : MS_KIND_C;
    draft->family = rule->family;
    draft->sure = true;
    if (rule->family == MS_TYPE_FAMILY_EXCEPTION) {
        draft->language = MS_TYPE_LANGUAGE_CPP;
    }
    memcpy(draft->name, rule->name, strlen(rule->name) + 1);
}

/* A program may well have a function that begins with "glob": only the library's own are meant. */
static bool is_library(const char *module)
{
    static const char *const names[] = {"libc.",  "libc-", "ld-",       "libstdc++.",
                                        "libc++", "libz.", "libpthread"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(module, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

void ms_type_rules_c(struct ms_type_draft *draft, const char *function, const char *module)
{
    const bool of_glib = strncmp(function, "g_", 2) == 0;
    draft->language = of_glib ? MS_TYPE_LANGUAGE_GLIB : MS_TYPE_LANGUAGE_C;
    if (of_glib) {
        const struct rule *rule = rule_of(glib, sizeof(glib) / sizeof(glib[0]), function);
        if (is_glib_allocator(function)) {
            draft->role = MS_FRAME_ALLOCATOR;
        } else if (rule != NULL) {
            use(draft, rule);
        }
        return;
    }
    const struct rule *rule = is_library(module) ? rule_of(libc, sizeof(libc) / sizeof(libc[0]),
                                                           without_decoration(function))
                                                 : NULL;
    if (rule != NULL) {
        use(draft, rule);
    }
}
