// What POST /admin/v1/search takes and answers.

export interface SearchRequest {
  tenant: string;
  /** Events of this type; users without it. */
  type?: string;
  query: string;
  filter?: Record<string, string>;
  limit?: number;
  min_score?: number;
  semantic_ratio?: number;
  from?: string;
  to?: string;
  /** By its name; the serving one without it. */
  generation?: string;
}

export interface SearchHit {
  id: string | number;
  score: number;
  name?: string | null;
  email?: string | null;
  type?: string | null;
  time?: string | null;
  text?: string | null;
  data?: unknown;
  payload_hidden?: boolean;
}

export interface SearchAnswer {
  hits: SearchHit[];
  generation: string;
  embedder: string;
  semantic_ratio: number | null;
  took_micros: number;
}
