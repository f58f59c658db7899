/* Counts of integers, and places that follow from counts. They depend on values, or are made of numbers
 * alone, and are written at once, by no launch: what is recorded makes them otherwise or not at all. */
#include <string.h>

#include "core.h"

static tk_tensor *refuse_integers(const char *op, const tk_tensor *t)
{
    tk_fail(TK_DTYPE_ERROR, "%s: expected integers; got %s", op, tk_dtype_names[t->dtype]);
    return NULL;
}

/* The integers side by side as int64, for the caller to release. */
static tk_tensor *integers(const char *op, tk_tensor *t)
{
    if (t->dtype != TK_I64 && t->dtype != TK_I32 && t->dtype != TK_U8)
        return refuse_integers(op, t);
    return t->dtype == TK_I64 ? tk_contiguous(t) : tk_cast(t, TK_I64);
}

/* Where one integer often follows itself, counting waits for the count before; several tables do not.
 * So many of so few entries take 24 KiB of stack, and stay in L1. */
enum { TABLES = 4, FEW = 1024 };

static void count_into(int64_t *counts, int64_t length, const int64_t *x, int64_t n)
{
    int64_t i = 0;
    if (length <= FEW && n > length) {
        int64_t more[TABLES - 1][FEW];
        for (int t = 0; t < TABLES - 1; t++)
            memset(more[t], 0, (size_t)length * sizeof **more);
        for (; i + TABLES <= n; i += TABLES) {
            counts[x[i]]++;
            more[0][x[i + 1]]++;
            more[1][x[i + 2]]++;
            more[2][x[i + 3]]++;
        }
        for (int64_t k = 0; k < length; k++)
            counts[k] += more[0][k] + more[1][k] + more[2][k];
    }
    for (; i < n; i++)
        counts[x[i]]++;
}

tk_tensor *tk_bincount(tk_tensor *t, int64_t least)
{
    tk_tensor *in = integers("bincount", t), *out = NULL;
    if (!in)
        return NULL;
    const int64_t *x = (const int64_t *)in->data;
    int64_t low = 0, high = -1, length;
    for (int64_t i = 0; i < in->numel; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    length = high + 1 > least ? high + 1 : least;
    if (low < 0 || high == INT64_MAX)
        tk_fail(TK_VALUE_ERROR, "bincount: the integers must not be negative, and below 2^63 - 1; got %lld",
                (long long)(low < 0 ? low : high));
    else
        out = tk_full_int(TK_I64, 1, &length, 0);
    if (out)
        count_into((int64_t *)out->data, length, x, in->numel);
    tk_release(in);
    return out;
}

tk_tensor *tk_repeated_places(tk_tensor *counts)
{
    tk_tensor *in = integers("repeat_interleave", counts), *out = NULL;
    if (!in)
        return NULL;
    const int64_t *count = (const int64_t *)in->data, most = (int64_t)1 << 48;
    int64_t total = 0, bad = 0;
    for (int64_t i = 0; i < in->numel && !bad && total <= most; i++) {
        bad = count[i] < 0 ? count[i] : 0;
        total += count[i] > most ? most + 1 : count[i];
    }
    if (bad)
        tk_fail(TK_VALUE_ERROR, "repeat_interleave: the repeats must not be negative; got %lld",
                (long long)bad);
    else if (total > most)
        tk_fail(TK_VALUE_ERROR, "repeat_interleave: more than 2^48 parts are too many");
    else
        out = tk_empty(TK_I64, 1, &total);
    int64_t *to = out ? (int64_t *)out->data : NULL;
    for (int64_t i = 0; out && i < in->numel; i++)
        for (int64_t k = count[i]; k > 0; k--)
            *to++ = i;
    tk_release(in);
    return out;
}

tk_tensor *tk_triangle_places(int64_t rows, int64_t columns, int64_t diagonal, int upper)
{
    const int64_t most = (int64_t)1 << 31;
    if (rows < 0 || columns < 0 || rows >= most || columns >= most) {
        tk_fail(TK_VALUE_ERROR, "%s: row and col must be sizes; got %lld and %lld",
                upper ? "triu_indices" : "tril_indices", (long long)rows, (long long)columns);
        return NULL;
    }
    diagonal = diagonal < -most ? -most : diagonal > most ? most : diagonal;
    int64_t shape[2] = {2, 0};
    for (int write = 0;; write = 1) {
        tk_tensor *out = write ? tk_empty(TK_I64, 2, shape) : NULL;
        int64_t *row = out ? (int64_t *)out->data : NULL, n = 0;
        if (write && !out)
            return NULL;
        for (int64_t i = 0; i < rows; i++) {
            int64_t cut = i + diagonal + !upper;
            cut = cut < 0 ? 0 : cut > columns ? columns : cut;
            const int64_t start = upper ? cut : 0, count = upper ? columns - cut : cut;
            for (int64_t k = 0; write && k < count; k++) {
                row[n + k] = i;
                row[shape[1] + n + k] = start + k;
            }
            n += count;
        }
        if (write)
            return out;
        shape[1] = n;
    }
}
