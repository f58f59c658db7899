/* The door of a table's rows in bags. */
#include "core.h"

#define GRAIN 16384    /* elements a thread must at least have: they come from many places */
#define MIN_COLUMNS 16 /* columns a thread must at least have of rows: a cache line */

static int check_bags(int kernel, const tk_tensor *a, const tk_tensor *index, const tk_tensor *start,
                      const tk_tensor *other, int64_t rows)
{
    const char *op = "embedding_bag";
    char x[TK_TEXT], y[TK_TEXT];
    if (tk_check_kernel(kernel, TK_FAMILY_BAG))
        return -1;
    if (!tk_is_float(a->dtype) || (other && other->dtype != a->dtype)) {
        tk_fail(TK_DTYPE_ERROR, "%s: expected floats of one dtype; got %s and %s", op,
                tk_dtype_names[a->dtype], tk_dtype_names[(other ? other : a)->dtype]);
        return -1;
    }
    const int by_bags = kernel == TK_K_bag_spread, dots = kernel == TK_K_bag_dots;
    int fits = a->ndim == 2 && index->ndim == 1 && start->ndim == 1 && start->numel > 0;
    fits = fits && (!by_bags || (rows >= 0 && a->shape[0] == start->numel - 1));
    if (fits && dots)
        fits = other && other->ndim == 2 && other->shape[0] == start->numel - 1 &&
               other->shape[1] == a->shape[1];
    else if (fits && other)
        fits = other->ndim == 1 && other->numel == index->numel;
    if (!fits || rows > INT32_MAX || a->shape[0] > INT32_MAX) { /* bag_largest has lanes of 32 bits */
        tk_fail(TK_SHAPE_ERROR, "%s: shapes do not fit; got %s and indices %s", op,
                tk_shape_text(x, a->ndim, a->shape), tk_shape_text(y, index->ndim, index->shape));
        return -1;
    }
    return 0;
}

/* The copy of where bags begin, for the caller to release; NULL with an error where these do not ascend
 * from 0 to no more than there are entries. */
static tk_tensor *checked_starts(tk_tensor *start, int64_t entries)
{
    tk_tensor *out = tk_cast(start, TK_I64);
    int64_t before = 0;
    for (int64_t i = 0; out && i < out->numel; i++) {
        const int64_t next = ((const int64_t *)out->data)[i];
        if (next < before || next > (i ? entries : 0)) {
            tk_fail(TK_VALUE_ERROR, "embedding_bag: offsets must ascend from 0 up to %lld; got %lld after %lld",
                    (long long)entries, (long long)next, (long long)before);
            tk_release(out);
            return NULL;
        }
        before = next;
    }
    return out;
}

tk_tensor *tk_bag_starts(tk_tensor *offsets, int64_t entries)
{
    const int64_t bags = offsets->numel, all = bags + 1;
    tk_tensor *out = tk_empty(TK_I64, 1, &all);
    if (!out)
        return NULL;
    tk_tensor part = *out;
    part.shape[0] = part.numel = bags;
    if (bags)
        tk_copy_new(&part, offsets);
    ((int64_t *)out->data)[bags] = entries;
    return out;
}

tk_tensor *tk_bag(int kernel, tk_tensor *a, tk_tensor *index, tk_tensor *start, tk_tensor *other,
                  int64_t rows, int64_t padding, int mean)
{
    const char *op = "embedding_bag";
    if (check_bags(kernel, a, index, start, other, rows))
        return NULL;
    const int spreads = kernel == TK_K_bag_spread, dots = kernel == TK_K_bag_dots;
    const int largest = kernel == TK_K_bag_largest;
    const int64_t bags = start->numel - 1, width = a->shape[1];
    if (!spreads)
        rows = a->shape[0];
    int how = TK_COPY;
    tk_tensor *made[5] = {tk_contiguous(a), tk_contiguous(index), NULL, NULL, NULL};
    tk_tensor **starts = &made[2], **places = &made[3], **second = &made[4], *out = NULL;
    if (made[0] && made[1])
        *starts = checked_starts(start, index->numel);
    if (*starts) { /* the kernel checks what it reads: the entries of bags */
        const int all = ((const int64_t *)(*starts)->data)[bags] == index->numel;
        how = all && width ? TK_LATER : TK_COPY;
        *places = tk_checked_index(op, made[1], rows, 0, &how);
    }
    if (*places && other)
        *second = tk_contiguous(other);
    if (*places && (*second || !other)) {
        const int64_t shape[2] = {spreads ? rows : bags, width};
        out = dots      ? tk_full_float(a->dtype, 1, &index->numel, 0)
              : spreads ? tk_full_float(a->dtype, 2, shape, 0)
                        : tk_empty(largest ? TK_I64 : a->dtype, 2, shape);
    }
    if (out) {
        int64_t bad = INT64_MAX;
        const tk_bag_work w = {.out = out->data,
                               .in = made[0]->data,
                               .other = other ? (*second)->data : NULL,
                               .index = (const int64_t *)(*places)->data,
                               .start = (const int64_t *)(*starts)->data,
                               .entries = index->numel,
                               .bags = bags,
                               .rows = rows,
                               .width = width,
                               .padding = padding,
                               .bad = how == TK_LATER ? &bad : NULL,
                               .mean = mean};
        const int64_t entries = index->numel, units = spreads ? width : bags;
        const int64_t each = spreads ? entries : entries * width / (bags ? bags : 1); /* elements */
        int64_t grain = GRAIN / (each + 1) + 1;
        grain = spreads && grain < MIN_COLUMNS ? MIN_COLUMNS : grain;
        tk_run(kernel, a->dtype, &w, units, grain);
        if (bad != INT64_MAX) {
            tk_fail_index(op, *places, rows, 0);
            tk_release(out);
            out = NULL;
        }
    }
    tk_release_made(5, made);
    return out;
}
