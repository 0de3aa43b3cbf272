/* GLib objects of known numbers, each kind in a function of its own; see typed.cc. */
#include <glib-object.h>
#include <stdio.h>

#define CASE __attribute__((noinline)) static void

static GList *list;
static GString *string;
static GHashTable *table;
static char *copy;
static GObject *objects[4];

CASE case_list(void)
{
    for (int i = 0; i < 10; i++) {
        list = g_list_prepend(list, NULL);
    }
    printf("{\"case_list\": [\"GList\", 10, %zu, 10, %zu],\n", 10 * sizeof(GList),
           10 * sizeof(GList));
}

CASE case_string(void)
{
    string = g_string_sized_new(500);
    printf("\"case_string\": [\"GString\", 2, %zu, 2, %zu],\n",
           sizeof(GString) + string->allocated_len, sizeof(GString) + string->allocated_len);
}

CASE case_strdup(void)
{
    copy = g_strdup("twelve bytes");
    printf("\"case_strdup\": [\"C string (GLib)\", 1, 13, 1, 13],\n");
}

/* How large these are is GLib's secret: only their type is asked for. */
CASE case_table(void)
{
    table = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(table, (char *)"one", table);
    printf("\"case_table\": [\"GHashTable\", null, null, null, null],\n");
}

CASE case_object(void)
{
    for (int i = 0; i < 4; i++) {
        objects[i] = g_object_new(G_TYPE_OBJECT, NULL);
    }
    printf("\"case_object\": [\"GObject\", 4, null, 4, null]}\n");
}

int main(void)
{
    static char buffer[8192];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer); /* or the first report would allocate one */
    g_object_unref(g_object_new(G_TYPE_OBJECT, NULL)); /* what the first one sets up */
    case_list();
    case_string();
    case_strdup();
    case_table();
    case_object();
    return 0;
}
