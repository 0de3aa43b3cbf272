/*
 * An allocator that an executable has inside without exporting it: then nothing of what the program
 * allocates by it passes malloc. Only its symbol table tells, and only as long as it was not
 * stripped. For launcher and viewer: reads the whole table, up to 64 MiB; 24 KiB of stack.
 */
#ifndef MS_WIRE_ELF_ALLOCATOR_H
#define MS_WIRE_ELF_ALLOCATOR_H

/*
 * Looks for the allocation functions of known allocators and for a malloc. Returns 1 with *name the
 * function found (static storage), 0 for none or no symbol table, or -errno.
 */
int ms_executable_allocator(int descriptor, const char **name);

#endif
