/* Variances, in one pass over memory. Included once per floating type.
 *
 * A chunk's elements are read once from memory and again from the first cache: their mean, then the
 * sums of the distances to it and of their squares. Chunks are put together by their counts, means and
 * squared distances, as Chan, Golub and LeVeque 1983 do. */

/* What elements there are, their mean, and the sum of the squared distances to it. */
#ifndef TK_MOMENTS_H
#define TK_MOMENTS_H
#include <float.h>

typedef struct tk_moments {
    double count, mean, square;
} tk_moments;
_Static_assert(sizeof(tk_moments) == TK_MOMENTS_BYTES, "as the door reckons");
#endif

/* The sum of squared distances to the mean, from the sums of distances to a pivot near it and of their
 * squares, which may overflow; NaN stays, and comes of infinite elements. */
TK_INLINE double TK_FN(about_mean)(double sum, double squares, double count)
{
    const double rest = squares - sum * (sum / count);
    return squares > DBL_MAX && fabs(sum) <= DBL_MAX ? squares : rest < 0 ? 0 : rest;
}

/* Of a line of at most two blocks of lanes, in so many registers. */
TK_INLINE T TK_FN(held_spread)(const T *x, int64_t n, double *sum, double *squares,
                               const int vectors)
{
    V d[MOST], q[MOST];
    EACH_OF(v, vectors) d[v] = v_load_filled(x + v * W, n - v * W, x[0]) - v_set(x[0]);
    const double off = (double)TK_FN(fold_line)(d, TK_FN(added), vectors) / (double)n;
    const T pivot = (T)((double)x[0] + off);
    EACH_OF(v, vectors)
    {
        d[v] = v_load_filled(x + v * W, n - v * W, pivot) - v_set(pivot);
        q[v] = v_set(0) + d[v] * d[v]; /* as in pairs_of_chunk: nothing is left to fuse */
    }
    *sum = (double)TK_FN(fold_line)(d, TK_FN(added), vectors);
    *squares = (double)TK_FN(fold_line)(q, TK_FN(added), vectors);
    return pivot;
}

TK_INLINE tk_moments TK_FN(line_spread)(const T *x, int64_t n)
{
    const double count = (double)n;
    double sum = 0, squares = 0;
    T pivot = x[0], part;
    if (n <= W) {
        pivot = TK_FN(held_spread)(x, n, &sum, &squares, 1);
    } else if (n <= TK_LANES) {
        pivot = TK_FN(held_spread)(x, n, &sum, &squares, TK_VECTORS);
    } else {
        TK_FN(distance_sum_line)(&part, x, n, &pivot);
        pivot = (T)((double)pivot + (double)part / count);
        TK_FN(pairs_of_chunk)(x, x, NULL, n, pivot, &sum, &squares, TK_FN(distances));
    }
    return (tk_moments){count, (double)pivot + sum / count,
                        TK_FN(about_mean)(sum, squares, count)};
}

TK_INLINE void TK_FN(put_moments)(const tk_reduce_work *w, int64_t unit, tk_moments m)
{
    if (w->last)
        ((T *)w->out)[unit] = (T)(m.square / w->p);
    else
        ((tk_moments *)w->out)[unit] = m;
}

/* Adds to the sums of n columns the distances of some rows to the pivots, and their squares. */
TK_INLINE void TK_FN(add_distances)(T *sum, T *squares, const T *pivot, const char *const *row,
                                    const int rows, int64_t n, int first)
{
    for (int64_t j = 0; j < n; j += W) {
        const int left = n - j < W ? (int)(n - j) : W;
        const V p = TK_FN(row_load)(pivot, j, left, 0);
        V s = v_set(0), q = v_set(0);
        for (int r = 0; r < rows; r++)
            TK_FN(distances)(TK_FN(row_load)((const T *)row[r], j, left, 0), p, p, &s, &q);
        if (!first) {
            s += TK_FN(row_load)(sum, j, left, 0);
            q += TK_FN(row_load)(squares, j, left, 0);
        }
        TK_FN(row_store)(sum, j, left, s);
        TK_FN(row_store)(squares, j, left, q);
    }
}

/* So many columns at a time, with their sums and a group of rows, fit in half of a 32 KiB L1. */
enum { TK_FN(spread_columns) = 1024 / sizeof(T) };

/* Of n columns the rows from `start` on, units from `unit` on. The pivot is the mean of the first 32
 * rows: as a chunk has 512, it costs at most 4 bits where the others are far from them. */
TK_OUTLINE void TK_FN(column_spread)(const tk_reduce_work *w, const tk_reducer *f, const char *base,
                                     int64_t start, int64_t rows, int64_t n, int64_t unit)
{
    enum { MOST_COLUMNS = TK_FN(spread_columns), FIRST = 32 };
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    T pivot[MOST_COLUMNS], sum[MOST_COLUMNS], squares[MOST_COLUMNS];
    const char *row[TK_ROW_GROUP];
    const int64_t some = rows < FIRST ? rows : FIRST;
    const double count = (double)rows;
    tk_cursor at;
    tk_seek(&at, &w->reduced, start);
    for (int64_t r = 0, group; r < some; r += group) {
        group = tk_row_group(w, f, base, &at, some - r, n, buffer, row);
        if (r == 0)
            memcpy(pivot, row[0], (size_t)n * sizeof(T));
        TK_FN(distance_sum_columns)(sum, row, (int)group, n, r == 0, pivot);
    }
    for (int64_t j = 0; j < n; j++)
        pivot[j] += sum[j] / (T)some;
    tk_seek(&at, &w->reduced, start);
    for (int64_t r = 0, group; r < rows; r += group) {
        group = tk_row_group(w, f, base, &at, rows - r, n, buffer, row);
        if (group == TK_ROW_GROUP)
            TK_FN(add_distances)(sum, squares, pivot, row, TK_ROW_GROUP, n, r == 0);
        else
            TK_FN(add_distances)(sum, squares, pivot, row, (int)group, n, r == 0);
    }
    for (int64_t j = 0; j < n; j++) {
        const double off = (double)sum[j];
        TK_FN(put_moments)
        (w, unit + j, (tk_moments){count, (double)pivot[j] + off / count,
                                   TK_FN(about_mean)(off, (double)squares[j], count)});
    }
}

TK_OUTLINE void TK_FN(var_columns)(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                   const tk_reducer *f)
{
    const int inner = w->kept.n - 1;
    int64_t chunk = lo / w->outputs, output = lo % w->outputs;
    tk_cursor kept;
    tk_seek(&kept, &w->kept, output);
    for (int64_t n; lo < hi; lo += n) {
        const int64_t start = chunk * w->chunk, rows = w->length - start;
        n = w->kept.size[inner] - kept.index[inner];
        n = n < TK_FN(spread_columns) ? n : TK_FN(spread_columns);
        n = n < hi - lo ? n : hi - lo;
        TK_FN(column_spread)
        (w, f, w->in + kept.offset, start, rows < w->chunk ? rows : w->chunk, n, lo);
        output += n;
        tk_advance(&kept, &w->kept, n);
        if (output == w->outputs) {
            output = 0;
            chunk++;
            tk_seek(&kept, &w->kept, 0);
        }
    }
}

/* Lines of a few elements, turned to columns. */
TK_OUTLINE void TK_FN(var_short_lines)(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                       const tk_reducer *f)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    const int64_t line = w->kept.stride[0];
    tk_reduce_work turned = *w;
    turned.kept.stride[0] = f->size;
    for (int64_t n; lo < hi; lo += n) {
        n = hi - lo < TK_SHORT_LINES ? hi - lo : TK_SHORT_LINES;
        const tk_span span = {w->length, n, w->reduced.stride[0], line};
        tk_gather_span(w->in + lo * line, &span, buffer, f->size);
        turned.reduced.stride[0] = n * f->size;
        TK_FN(column_spread)(&turned, f, buffer, 0, w->length, n, lo);
    }
}

TK_OUTLINE void TK_FN(var_lines)(const tk_reduce_work *w, int64_t lo, int64_t hi,
                                 const tk_reducer *f)
{
    _Alignas(64) char buffer[TK_CHUNK_BYTES];
    int64_t chunk = lo % w->chunks;
    tk_cursor kept;
    tk_seek(&kept, &w->kept, lo / w->chunks);
    for (; lo < hi; lo++) {
        const int64_t start = chunk * w->chunk, rest = w->length - start;
        const int64_t n = rest < w->chunk ? rest : w->chunk;
        const T *x = tk_line(w, f, w->in + kept.offset, start, n, buffer);
        TK_FN(put_moments)(w, lo, TK_FN(line_spread)(x, n));
        if (++chunk == w->chunks) {
            chunk = 0;
            tk_advance(&kept, &w->kept, 1);
        }
    }
}

/* Puts together the moments of an earlier phase; the mean is counted from the first. */
TK_OUTLINE void TK_FN(var_merge)(const tk_reduce_work *w, int64_t lo, int64_t hi)
{
    const int64_t step = w->reduced.stride[0];
    for (; lo < hi; lo++) {
        const int64_t chunk = w->columns ? lo / w->outputs : lo % w->chunks;
        const int64_t output = w->columns ? lo % w->outputs : lo / w->chunks;
        const int64_t start = chunk * w->chunk, rest = w->length - start;
        const int64_t n = rest < w->chunk ? rest : w->chunk;
        const char *first = w->in + output * w->kept.stride[0] + start * step;
        const double base = ((const tk_moments *)(const void *)first)->mean;
        double count = 0, off = 0, square = 0;
        for (int64_t i = 0; i < n; i++) {
            const tk_moments *m = (const void *)(first + i * step);
            count += m->count;
            off += m->count * (m->mean - base);
        }
        const double mean = base + off / count;
        for (int64_t i = 0; i < n; i++) {
            const tk_moments *m = (const void *)(first + i * step);
            square += m->square + m->count * ((m->mean - mean) * (m->mean - mean));
        }
        TK_FN(put_moments)(w, lo, (tk_moments){count, mean, square});
    }
}

static void TK_FN(var)(const void *work, int64_t lo, int64_t hi)
{
    static const tk_reducer f = {.in_size = sizeof(T), .size = sizeof(T), .direct = 1};
    const tk_reduce_work *w = work;
    if (w->phase > 0)
        TK_FN(var_merge)(w, lo, hi);
    else if (w->columns)
        TK_FN(var_columns)(w, lo, hi, &f);
    else if (tk_is_short(w, &f))
        TK_FN(var_short_lines)(w, lo, hi, &f);
    else
        TK_FN(var_lines)(w, lo, hi, &f);
}
