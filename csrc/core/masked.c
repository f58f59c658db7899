/* The doors that find what is not zero. */
#include <string.h>

#include "core.h"

#define GRAIN 16 /* chunks of 1024 elements a thread must at least have: ten microseconds */

/* The coordinates, [n, ndim], of what is not zero in a contiguous bool tensor that nobody else can
 * change; flat: its positions, [n]. */
static tk_tensor *find(const tk_tensor *mask, int flat)
{
    if (tk_refuse_recording("nonzero"))
        return NULL;
    int64_t chunks = mask->numel / TK_NONZERO_CHUNK + (mask->numel % TK_NONZERO_CHUNK != 0);
    tk_tensor *counts = tk_empty(TK_I64, 1, &chunks);
    if (!counts)
        return NULL;
    tk_nonzero_work w = {.in = (const uint8_t *)mask->data,
                         .numel = mask->numel,
                         .count = (int64_t *)counts->data,
                         .ndim = flat ? 1 : mask->ndim};
    memcpy(w.size, mask->shape, sizeof w.size);
    tk_run(TK_K_nonzero_count, TK_BOOL, &w, chunks, GRAIN);
    int64_t total = 0;
    for (int64_t i = 0; i < chunks; i++) {
        int64_t here = w.count[i];
        w.count[i] = total;
        total += here;
    }
    const int64_t shape[2] = {total, mask->ndim};
    tk_tensor *out = tk_empty(TK_I64, flat ? 1 : 2, shape);
    if (out && out->numel) {
        w.out = (int64_t *)out->data;
        tk_run(TK_K_nonzero_fill, TK_BOOL, &w, chunks, GRAIN);
    }
    tk_release(counts);
    return out;
}

static tk_tensor *find_in(tk_tensor *a, int flat)
{
    tk_tensor *mask = tk_cast(a, TK_BOOL);
    tk_tensor *out = mask ? find(mask, flat) : NULL;
    if (mask)
        tk_release(mask);
    return out;
}

tk_tensor *tk_nonzero(tk_tensor *a)
{
    return find_in(a, 0);
}

tk_tensor *tk_flat_nonzero(tk_tensor *mask)
{
    return find_in(mask, 1);
}
