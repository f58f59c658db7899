/* The sizes of this machine's caches, read when the library is loaded. They say how products are cut
 * into blocks and when stores go past the caches: what is computed does not depend on them. */
#include <stdio.h>

#include "core.h"

/* What is usual, where the system does not tell. */
int64_t tk_second_cache = (int64_t)1 << 20;
int64_t tk_last_cache = (int64_t)32 << 20;

static int64_t within(int64_t n, int64_t least, int64_t most)
{
    return n < least ? least : n > most ? most : n;
}

/* The number that one of Linux's files about a cache of the first CPU begins with, in bytes if "K"
 * follows; 0 without it. sysconf() is no help: on AMD's processors it adds up the last-level caches
 * of the whole machine. */
static int64_t fact(int cache, const char *name)
{
    char path[80];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", cache, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    long long n = 0;
    char unit = 0;
    if (fscanf(file, "%lld%c", &n, &unit) < 1)
        n = 0;
    fclose(file);
    return unit == 'K' ? n << 10 : n;
}

__attribute__((constructor)) static void read_caches(void)
{
    int64_t last = 0, level;
    for (int cache = 0; (level = fact(cache, "level")) > 0; cache++) {
        int64_t size = fact(cache, "size");
        if (level == 2 && size > 0)
            tk_second_cache = within(size, 256 << 10, 4 << 20);
        if (level >= 2 && size > last)
            last = size;
    }
    if (last)
        tk_last_cache = within(last, 4 << 20, 256 << 20);
}
