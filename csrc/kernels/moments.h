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

/* The moments of some lines, `step` elements apart, of n elements each: tk_lines_together of them. */
TK_OUTLINE void TK_FN(line_spreads)(const T *x, int64_t rows, int64_t n, int64_t step, tk_moments *m)
{
    const double count = (double)n;
    T pivot[TK_BLOCK_LINES] = {0};
    double sum[TK_BLOCK_LINES] = {0}, squares[TK_BLOCK_LINES] = {0};
    if (!TK_FN(held_lines)(x, rows, n, step, pivot, sum, squares, TK_FROM_FIRST, 0)) {
        for (int64_t r = 0; r < rows; r++) {
            const T *line = x + r * step;
            T part;
            TK_FN(distance_sum_line)(&part, line, n, line);
            pivot[r] = (T)((double)line[0] + (double)part / count);
        }
        for (int64_t r = 0; r < rows; r++)
            TK_FN(pairs_of_chunk)
            (x + r * step, x + r * step, NULL, n, pivot[r], sum + r, squares + r, TK_FN(distances));
    }
    TK_EACH_LINE(r)
    m[r] = (tk_moments){count, (double)pivot[r] + sum[r] / count,
                        TK_FN(about_mean)(sum[r], squares[r], count)};
}

TK_INLINE void TK_FN(put_moments)(const tk_reduce_work *w, int64_t unit, tk_moments m)
{
    if (w->last)
        ((T *)w->out)[unit] = (T)(m.square / w->p);
    else
        ((tk_moments *)w->out)[unit] = m;
}

/* Columns at a time: the sums of so many fit in half of a 32 KiB L1; of fewer the rows are staged in a
 * buffer. And vectors at once, as the registers allow. */
enum {
    TK_FN(spread_columns) = 4096 / sizeof(T),
    TK_FN(spread_staged) = TK_CHUNK_BYTES / TK_ROW_GROUP / sizeof(T),
    TK_FN(spread_together) = TK_VECTOR_BYTES == 64 ? 4 : 2
};

/* Adds to the sums of some vectors of columns the distances of some rows to the pivots, and their squares. */
TK_INLINE void TK_FN(add_column)(T *sum, T *squares, const T *pivot, const char *const *row,
                                 const int rows, int64_t j, const int vectors, const int left,
                                 int first)
{
#define EACH(v) _Pragma("GCC unroll 4") for (int v = 0; v < vectors; v++)
    V p[TK_FN(spread_together)], s[TK_FN(spread_together)], q[TK_FN(spread_together)];
    EACH(v)
    {
        p[v] = TK_FN(row_load)(pivot, j + v * W, left, 0);
        s[v] = q[v] = v_set(0);
    }
    for (int r = 0; r < rows; r++)
        EACH(v)
        {
            const V x = TK_FN(row_load)((const T *)row[r], j + v * W, left, 0);
            TK_FN(distances)(x, p[v], p[v], s + v, q + v);
        }
    EACH(v)
    {
        if (!first) {
            s[v] += TK_FN(row_load)(sum, j + v * W, left, 0);
            q[v] += TK_FN(row_load)(squares, j + v * W, left, 0);
        }
        TK_FN(row_store)(sum, j + v * W, left, s[v]);
        TK_FN(row_store)(squares, j + v * W, left, q[v]);
    }
#undef EACH
}

TK_INLINE void TK_FN(add_distances)(T *sum, T *squares, const T *pivot, const char *const *row,
                                    const int rows, int64_t n, int first)
{
    enum { MANY = TK_FN(spread_together) };
    int64_t j = 0;
    for (; j + MANY * W <= n; j += MANY * W)
        TK_FN(add_column)(sum, squares, pivot, row, rows, j, MANY, W, first);
    for (; j < n; j += W)
        TK_FN(add_column)
        (sum, squares, pivot, row, rows, j, 1, n - j < W ? (int)(n - j) : W, first);
}

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

/* A tile of so few columns that rows are folded: the moments of `fold` times as many, and of the rows
 * that are left, are put together. Where the columns are parted, each part does the work of all. */
TK_OUTLINE void TK_FN(var_folded)(const tk_reduce_work *w, const tk_reducer *f, const char *base,
                                  int64_t rows, int64_t n, int64_t unit, int64_t fold)
{
    enum { MOST_COLUMNS = 2 * TK_SPREAD_BYTES / sizeof(T) };
    tk_moments parts[2 * MOST_COLUMNS];
    const int64_t width = w->kept.size[w->kept.n - 1], column = unit % w->outputs % width;
    const int64_t wide = fold * width, all = rows / fold, rest = rows % fold;
    const int64_t size = TK_MOMENTS_BYTES;
    tk_reduce_work some = *w;
    some.out = (char *)parts;
    some.last = 0;
    some.reduced.stride[0] = wide * f->size;
    base -= column * f->size;
    TK_FN(column_spread)(&some, f, base, 0, all, wide, 0);
    some.reduced.stride[0] = width * f->size;
    if (rest)
        TK_FN(column_spread)
        (&some, f, base + all * wide * f->size, 0, rest, width, wide);
    some.in = (const char *)parts;
    some.out = w->out + (unit - column) * (w->last ? f->size : size);
    some.last = w->last;
    some.outputs = width;
    some.length = some.chunk = fold + (rest > 0);
    some.kept.n = 1;
    some.kept.stride[0] = size;
    some.reduced.stride[0] = width * size;
    TK_FN(var_merge)(&some, column, column + n);
}

TK_INLINE void TK_FN(var_tile)(const tk_reduce_work *w, const tk_reducer *f, const char *base,
                               int64_t start, int64_t rows, int64_t n, int64_t unit)
{
    const int64_t fold = tk_rows_folded(w, f->in_size, f->size, rows, TK_SPREAD_BYTES);
    if (fold > 1)
        TK_FN(var_folded)(w, f, base + start * w->reduced.stride[0], rows, n, unit, fold);
    else
        TK_FN(column_spread)(w, f, base, start, rows, n, unit);
}

TK_INLINE void TK_FN(var_some)(const tk_reduce_work *w, const tk_reducer *f, const char *x,
                               int64_t n, int64_t step, int64_t lines, int64_t unit)
{
    tk_moments m[TK_BLOCK_LINES];
    (void)f;
    for (int64_t some; lines > 0; lines -= some, x += some * step * (int64_t)sizeof(T)) {
        some = tk_lines_together(n, lines);
        TK_FN(line_spreads)((const T *)x, some, n, step, m);
        for (int64_t r = 0; r < some; r++)
            TK_FN(put_moments)(w, unit++, m[r]);
    }
}

static void TK_FN(var)(const void *work, int64_t lo, int64_t hi)
{
    static const tk_reducer f = {.in_size = sizeof(T), .size = sizeof(T), .direct = 1};
    const tk_reduce_work *w = work;
    if (w->phase > 0)
        TK_FN(var_merge)(w, lo, hi);
    else if (w->columns)
        tk_walk_columns(w, lo, hi, &f,
                        tk_is_direct(w, &f) ? TK_FN(spread_columns) : TK_FN(spread_staged),
                        TK_FN(var_tile));
    else if (tk_is_short(w, &f))
        tk_walk_short_lines(w, lo, hi, &f, TK_FN(column_spread));
    else
        tk_walk_lines(w, lo, hi, &f, TK_FN(var_some));
}
