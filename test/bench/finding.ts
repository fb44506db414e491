/** One line of a benchmark's answer: a figure, and where it is a matter of right or wrong, whether it holds. */
export interface Finding {
  promise: string;
  figure: string;
  holds?: boolean;
}
